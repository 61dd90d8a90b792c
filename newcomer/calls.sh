# Calls and their outcomes. An outcome is the answer without its spaces, or the
# name of a code. Each code has its HTTP status and its number in gRPC, to which
# grpcurl adds 64 for its exit code.
codes='
invalid_argument  400  3
not_found         404  5
permission_denied 403  7
unauthenticated   401 16
'

# code_by COLUMN VALUE prints the name of a code.
code_by() {
	awk -v column="$1" -v value="$2" '$column == value { print $1; found = 1 } END { exit !found }' <<<"$codes" ||
		echo "an unexpected ${*}"
}

# Ids are made by the service.
answer() { tr -d ' \n' <"$work/said" | sed 's/"id":"[A-Z2-7]*",//g'; }

# by_curl ARGUMENTS… prints the outcome of a call.
by_curl() {
	local status code
	status=$(command curl -sS --max-time 10 -o "$work/said" -w '%{http_code}' "$@" 2>&1)
	test "$status" != 200 || { answer; return; }
	code=$(sed -n 's/^{"code":"\([a-z_]*\)".*/\1/p' "$work/said")
	test "$code" = "$(code_by 2 "$status")" && echo "$code" || echo "$code with status $status"
}

# by_grpcurl ARGUMENTS… prints the outcome of a call.
by_grpcurl() {
	local code=0
	command grpcurl -max-time 10 "$@" >"$work/said" 2>&1 || code=$?
	test "$code" = 0 && answer || code_by 3 $((code - 64))
}

# must_come WANT COMMAND… holds the outcome of a call against what it must be.
must_come() {
	local want=$1 got
	shift
	got=$("$@")
	test "$got" = "$want" || fail "\"$got\" instead of \"$want\" from: $*" "$work/said"
}

# calls_of_page makes the calls of the page. The comment above each ends with the
# outcome. The steps are the blocks that have them.
calls_of_page() {
	local script line want='' calls=0
	script=$(for step in "$@"; do block "step=$step"; done)
	script=${script//127.0.0.1:8080/$address}
	script=${script//$'\\\n'/} # one call, one line
	while IFS= read -r line; do
		case $line in
		'# '*': '*) want=$(tr -d ' ' <<<"${line##*: }") ;;
		curl\ * | grpcurl\ *) eval "must_come '$want' by_$line" && calls=$((calls + 1)) ;;
		*) eval "$line" ;;
		esac
	done <<<"$script"
	test "$calls" -ge 8 || fail "only $calls calls were found"
}

# calls_of_table FILE makes the calls of a table, each by both clients.
calls_of_table() {
	local caller rpc want request service=acme.notes.v1.NoteService
	while read -r caller rpc want request; do
		set --
		case $caller in
		'#'* | '') continue ;;
		none) ;;
		basic) set -- -H 'Authorization: Basic token-of-ann' ;;
		twice) set -- -H 'Authorization: Bearer token-of-ann' -H 'Authorization: Bearer token-of-ann' ;;
		*) set -- -H "Authorization: Bearer token-of-$caller" ;;
		esac
		must_come "$want" by_curl --json "$request" "$@" "http://$address/$service/$rpc"
		must_come "$want" by_grpcurl -plaintext -import-path proto -import-path third_party/proto \
			-proto acme/notes/v1/notes.proto "$@" -d "$request" "$address" "$service/$rpc"
	done <"$1"
}
