# The guide of the service for two tenants, from an empty folder.

# tenants follows the page, in a folder of its own.
tenants() {
	mkdir "$work/docs"
	cd "$work/docs"
	module
	unpack
	step generate
	step tidy
	at 'go vet ./...'
	said 0 go vet ./...
	step test
	grep -q 'resource.state == acme.docs.v1.State.STATE_PUBLISHED' access.md || fail 'access.md does not say who may call' access.md
	at "$(block step=serve)"
	serve
	at 'the calls of two tenants'
	calls_of_page call
	same_answers
	at 'Ctrl-C'
	serve_no_more
	opened 'name: "published" cel: "resource.org_id in principal.claims.member_of && ' 'name: "published" cel: "'
	opened 'read: {allow: {cel: "this.org_id in principal.claims.manager_of"}}' 'read: {anyone: "all may"}'
	at 'a field that decides the next call, and nothing says who may write it'
	changed 'write: {allow: {cel: ".* && value in principal.claims.manager_of"}}' 'read: {anyone: "all may"}'
	said 1 buf generate
	grep -q 'reads resource.org_id, which the request carries, and nothing says who may write it \[authority-field-unguarded\]$' "$work/said" ||
		fail 'it is not refused' "$work/said"
}

schema_of_documents=proto/acme/docs/v1/docs.proto

# same_answers holds the answer about a document of others against that about none.
same_answers() {
	local docs=http://$address/acme.docs.v1.DocumentService gus='Authorization: Bearer token-of-gus' plan
	plan=$(command curl -sS --json '{"orgId":"acme","title":"Plan"}' -H 'Authorization: Bearer token-of-ben' "$docs/CreateDocument" | sed 's/.*"id": *"\([^"]*\)".*/\1/')
	must_come not_found by_curl --json "{\"documentId\":\"$plan\"}" -H "$gus" "$docs/GetDocument"
	mv "$work/said" "$work/others"
	must_come not_found by_curl --json '{"documentId":"none"}' -H "$gus" "$docs/GetDocument"
	cmp -s "$work/said" "$work/others" || fail 'the answer tells it from one that is not there' "$work/others"
}

# changed PATTERN BY changes the declarations, and keeps them as they were in schema.before.
changed() {
	cp "$schema_of_documents" schema.before
	sed "s/$1/${2//&/\\&}/" schema.before >"$schema_of_documents"
	! cmp -s "$schema_of_documents" schema.before || fail "the page has no rule $1"
}

# opened PATTERN BY opens a rule, which the test must find, and puts it back.
opened() {
	at "a rule that is opened: $1"
	changed "$1" "$2"
	said 0 buf generate
	said 1 go test -run '^TestAccess$' .
	grep -q 'access.md' "$work/said" || fail 'the test does not name the file' "$work/said"
	mv schema.before "$schema_of_documents"
}
