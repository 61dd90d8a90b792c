package review

// A Kind is one kind of change that needs to be looked at.
type Kind struct {
	// ID is the [Change.Kind] of such a change.
	ID string
	// Means says what it does, in one sentence with a full stop.
	Means string
}

// Kinds returns the kinds of changes of declarations that may fail. Those of pages are
// not among them: declarations do not say them.
func Kinds() []Kind {
	return []Kind{
		{"anonymous", "Callers need not authenticate any more."},
		{"scheme-added", "Callers may authenticate by one more scheme."},
		{"max-age-raised", "The caller may have authenticated longer ago."},
		{"max-age-removed", "The caller may have authenticated any time ago."},
		{"recheck-raised", "The caller of a stream is checked again later."},
		{"recheck-removed", "The caller of a stream is checked again as late as the server allows."},
		{"stream-timing", "Not every message of a stream is authorized any more."},
		{"conceal-removed", "A denial says that there is something to be denied."},
		{"limit-raised", "A limit lets more calls through."},
		{"limit-removed", "A limit is gone."},
		{"limit-finer", "A limit counts by a finer key, and lets more calls through in all."},
		{"credential-scopes-given", "Scoped credentials are accepted, and were not."},
		{"credential-scope-removed", "A scoped credential needs one scope less."},
		{"credential-scope-changed", "A scoped credential needs another scope."},
		{"role-includes", "A role includes more roles."},
		{"validation-removed", "A field that conditions read is not validated any more."},
		{"validation-loosened", "A field that conditions read is validated by less."},
		{"validation-changed", "A field that conditions read is validated in another way."},
		{"resource-removed", "An action is about no object any more."},
		{"each-removed", "Every element of what an action answers is seen, and only some were."},
		{"each-looser", "More elements of what an action answers are seen."},
		{"each-different", "Other elements of what an action answers are seen."},
		{"each-undecided", "It is not decided whether more elements of what an action answers are seen."},
		{"field-opened", "A field that some may read may be read by every caller."},
		{"field-looser", "A field may be read by more callers."},
		{"field-different", "A field may be read by callers who could not, and not by others."},
		{"field-undecided", "It is not decided whether a field may be read or written by more callers."},
		{"names-removed", "A field of a request names what its caller may not read, and did not."},
		{"names-harmless", "A field of a request is left to the handler, with a reason."},
		{"names-changed", "A field of a request names fields of another message."},
		{"writes-changed", "What says which fields a call writes has changed."},
		{"grants-looser", "Grants let in callers who were kept out."},
		{"grants-different", "Grants let in callers who were kept out, and keep out others."},
		{"grants-undecided", "It is not decided whether grants let in more callers."},
		{"action-added", "A new action is open to all, or to all who authenticate."},
	}
}
