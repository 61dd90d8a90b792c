package review

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
	"github.com/sallyport-rpc/sallyport/internal/declare"
	"github.com/sallyport-rpc/sallyport/internal/prove"
	"github.com/sallyport-rpc/sallyport/limit"
)

// comparison collects what changed of one action.
type comparison struct {
	subject  string
	old, now *declare.Declaration
	changes  []Change
}

// compareActions returns what changed of an action.
func compareActions(ctx context.Context, prover *prove.Prover, old, updated Action) ([]Change, error) {
	c := &comparison{subject: updated.Procedure, old: old.declaration, now: updated.declaration}
	c.schemes()
	c.maxAge()
	c.stream()
	c.conceal()
	c.limits()
	c.credentialScopes()
	c.inputs(old.Inputs, updated.Inputs)
	c.checks()
	c.resource()
	c.writes()
	if err := c.each(ctx, prover); err != nil {
		return nil, err
	}
	err := c.grants(ctx, prover)
	return c.changes, err
}

func (c *comparison) addf(kind string, judgement Judgement, format string, args ...any) {
	c.changes = append(c.changes, Change{Subject: c.subject, Kind: kind, Judgement: judgement, Text: fmt.Sprintf(format, args...), Method: c.now.Method})
}

func (c *comparison) schemes() {
	switch {
	case c.old.Anonymous() && c.now.Anonymous():
		return
	case c.now.Anonymous():
		c.addf("anonymous", Looser, "callers need not authenticate any more: %s", oneLine(c.now.Option.GetAuthenticate().GetAnonymous()))
		return
	case c.old.Anonymous():
		c.addf("anonymous-removed", Tighter, "callers must authenticate, by %s", strings.Join(c.now.Schemes, " or "))
		return
	}
	if more := without(c.now.Schemes, c.old.Schemes); len(more) > 0 {
		c.addf("scheme-added", Looser, "callers may authenticate by %s too", strings.Join(more, " and "))
	}
	if less := without(c.old.Schemes, c.now.Schemes); len(less) > 0 {
		c.addf("scheme-removed", Tighter, "callers cannot authenticate by %s any more", strings.Join(less, " or "))
	}
	kept := func(schemes, others []string) []string { return without(schemes, without(schemes, others)) }
	if before, now := kept(c.old.Schemes, c.now.Schemes), kept(c.now.Schemes, c.old.Schemes); !slices.Equal(before, now) {
		c.addf("scheme-order", Different, "schemes are tried in another order: %s, and not %s", strings.Join(now, ", "), strings.Join(before, ", "))
	}
}

// longer compares two durations of which a longer one is looser, and none, 0, is without
// end.
func (c *comparison) longer(kind, what string, old, now time.Duration) {
	switch {
	case old == now:
	case now == 0:
		c.addf(kind+"-removed", Looser, "%s is not bound any more; it was %s", what, short(old))
	case old == 0:
		c.addf(kind+"-given", Tighter, "%s is bound: %s", what, short(now))
	case now > old:
		c.addf(kind+"-raised", Looser, "%s is %s, and was %s", what, short(now), short(old))
	default:
		c.addf(kind+"-lowered", Tighter, "%s is %s, and was %s", what, short(now), short(old))
	}
}

func (c *comparison) maxAge() {
	if !c.old.Anonymous() && !c.now.Anonymous() {
		c.longer("max-age", "how long ago a caller may have authenticated", c.old.MaxAge, c.now.MaxAge)
	}
}

func (c *comparison) stream() {
	c.longer("recheck", "the time until the caller of a stream is looked at again",
		c.old.Option.GetStream().GetRecheck().AsDuration(), c.now.Option.GetStream().GetRecheck().AsDuration())
	const every = sallyportv1.Stream_EVERY_MESSAGE
	old, now := c.old.Timing(), c.now.Timing()
	text := func(timing sallyportv1.Stream_Timing) string { return strings.ReplaceAll(timing.String(), "_", " ") }
	switch {
	case old == now:
	case old == every:
		c.addf("stream-timing", Looser, "a stream is authorized at %s, and was at %s", text(now), text(old))
	case now == every:
		c.addf("stream-timing-every", Tighter, "a stream is authorized at %s, and was at %s", text(now), text(old))
	default:
		c.addf("stream-timing-changed", Different, "a stream is authorized at %s, and was at %s", text(now), text(old))
	}
}

func (c *comparison) conceal() {
	switch {
	case c.old.Conceal && !c.now.Conceal:
		c.addf("conceal-removed", Looser, "a denial says that there is something to be denied")
	case !c.old.Conceal && c.now.Conceal:
		c.addf("conceal-given", Tighter, "a denial reads as not_found")
	}
}

func (c *comparison) credentialScopes() {
	old, now := c.old.CredentialScopes, c.now.CredentialScopes
	more, less := without(now, old), without(old, now)
	switch {
	case len(more)+len(less) == 0:
	case len(old) == 0:
		c.addf("credential-scopes-given", Looser, "scoped credentials are taken, with %s; none was before", strings.Join(now, " and "))
	case len(now) == 0:
		c.addf("credential-scopes-removed", Tighter, "no scoped credential is taken any more")
	case len(more) == 0:
		c.addf("credential-scope-removed", Looser, "a scoped credential does not need %s any more", strings.Join(less, " and "))
	case len(less) == 0:
		c.addf("credential-scope-added", Tighter, "a scoped credential needs %s too", strings.Join(more, " and "))
	default:
		c.addf("credential-scope-changed", Looser, "a scoped credential needs %s, and not %s", strings.Join(more, " and "), strings.Join(less, " and "))
	}
}

// limits compares the limits of one window and one kind of key, and then what is left of
// either side: a limit whose key is finer lets more through in all.
func (c *comparison) limits() {
	old, now := slices.Clone(c.old.Limits), slices.Clone(c.now.Limits)
	for _, same := range []func(a, b limit.Limit) bool{
		func(a, b limit.Limit) bool { return a == b },
		func(a, b limit.Limit) bool { return a.Per == b.Per && a.Window == b.Window },
		func(a, b limit.Limit) bool { return a.Per == b.Per },
		func(a, b limit.Limit) bool { return a.Window == b.Window },
	} {
		now = slices.DeleteFunc(now, func(updated limit.Limit) bool {
			at := slices.IndexFunc(old, func(was limit.Limit) bool { return same(was, updated) })
			if at < 0 {
				return false
			}
			c.limit(old[at], updated)
			old = slices.Delete(old, at, at+1)
			return true
		})
	}
	for _, was := range old {
		c.addf("limit-removed", Looser, "it is not limited to %s any more", was)
	}
	for _, updated := range now {
		c.addf("limit-given", Tighter, "it is limited to %s", updated)
	}
}

// finer orders what limits count by: all calls, those of an address, those of a principal.
var finer = map[limit.Per]int{limit.Action: 1, limit.Address: 2, limit.Principal: 3}

func (c *comparison) limit(old, now limit.Limit) {
	// Calls a second, without the rounding of a division.
	rate := func(a, b limit.Limit) int64 { return int64(a.Requests) * int64(b.Window/time.Second) }
	more := rate(now, old) > rate(old, now) || now.Burst > old.Burst
	less := rate(now, old) < rate(old, now) || now.Burst < old.Burst
	switch {
	case old == now:
	case finer[now.Per] > finer[old.Per]:
		c.addf("limit-finer", Looser, "the limit counts by a finer key: %s, and was %s", now, old)
	case finer[now.Per] < finer[old.Per] && !more:
		c.addf("limit-coarser", Tighter, "the limit counts by a coarser key: %s, and was %s", now, old)
	case more:
		c.addf("limit-raised", Looser, "the limit is %s, and was %s", now, old)
	case less:
		c.addf("limit-lowered", Tighter, "the limit is %s, and was %s", now, old)
	default:
		c.addf("limit-changed", Different, "the limit is %s, and was %s", now, old)
	}
}

// inputs compares the validation rules of what conditions read on both sides.
func (c *comparison) inputs(old, now []Input) {
	for _, input := range now {
		at := slices.IndexFunc(old, func(was Input) bool { return was.Field == input.Field })
		if at < 0 || old[at].Rules == input.Rules {
			continue
		}
		switch was := old[at].Rules; {
		case input.Rules == "":
			c.addf("validation-removed", Looser, "%s is not validated any more, and conditions read it; it was: %s", input.Field, was)
		case was == "":
			c.addf("validation-given", Tighter, "%s is validated: %s", input.Field, input.Rules)
		case c.narrows(input.Field, c.old, c.now):
			c.addf("validation-tightened", Tighter, "%s is validated by more: %s, and was %s", input.Field, input.Rules, was)
		case c.narrows(input.Field, c.now, c.old):
			c.addf("validation-loosened", Looser, "%s is validated by less, and conditions read it: %s, and was %s", input.Field, input.Rules, was)
		default:
			c.addf("validation-changed", Undecided, "%s is validated otherwise, and conditions read it: %s, and was %s", input.Field, input.Rules, was)
		}
	}
}

// narrows reports whether the rules of a field show that they accept no more in one
// declaration than in another.
func (*comparison) narrows(field string, from, to *declare.Declaration) bool {
	path := strings.TrimPrefix(field, "request.")
	return narrows(fieldRulesAt(from.Method.Input(), path), fieldRulesAt(to.Method.Input(), path))
}

// checks names the checks that are other ones. What they answer is Go code, which is not
// looked at.
func (c *comparison) checks() {
	old, now := c.old.Checks(), c.now.Checks()
	more, less := without(now, old), without(old, now)
	if len(more) > 0 && len(less) > 0 {
		c.addf("check-renamed", Different, "it asks the check %s, and asked %s; what they answer is Go code, which is not looked at",
			strings.Join(more, " and "), strings.Join(less, " and "))
	}
}

func (c *comparison) writes() {
	if old, now := writes(c.old), writes(c.now); old != now && old != "" && now != "" {
		c.addf("writes-changed", Undecided, "%s; it was: %s", now, old)
	}
}

// resource names what else the action is about. What its grants let in of that is compared
// as grants are.
func (c *comparison) resource() {
	text := func(of *declare.Resource) string {
		return fmt.Sprintf("the %s of %s", of.Type.FullName(), of.KeyName())
	}
	switch old, now := c.old.Resource, c.now.Resource; {
	case old == nil && now == nil:
	case old == nil:
		c.addf("resource-given", Tighter, "it is about %s, and lets no call in for one that is not there", text(now))
	case now == nil:
		c.addf("resource-removed", Looser, "it is about no object any more, and was about %s: calls are let in for one that is not there", text(old))
	case text(old) != text(now):
		c.addf("resource-changed", Different, "it is about %s, and was about %s: another object decides", text(now), text(old))
	}
}

// grants compares what the grants let in, and shows calls.
func (c *comparison) grants(ctx context.Context, prover *prove.Prover) error {
	if c.old.Anonymous() || c.now.Anonymous() {
		return nil // said already: there was, or is, no one to decide about
	}
	compared, err := prover.Compare(ctx, c.old, c.now)
	if err != nil {
		return err
	}
	change := Change{Subject: c.subject, Method: c.now.Method}
	if !judge(&change, "grants", compared) {
		return nil
	}
	switch change.Judgement {
	case Looser:
		change.Text = "its grants let in callers whom they kept out"
	case Tighter:
		change.Text = "its grants keep out callers whom they let in"
	case Different:
		change.Text = "its grants let in callers whom they kept out, and keep out others"
	default:
		change.Text = "whether its grants let in more is not decided"
		because(&change, compared.Reason)
	}
	c.changes = append(c.changes, change)
	return nil
}
