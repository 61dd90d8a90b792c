# What the run starts, and how it ends.
running='' server='' clock=''

# limit SECONDS ends the run when its time is over.
limit() {
	(sleep "$1" && kill -TERM $$) >/dev/null 2>&1 &
	clock=$!
}

# said CODE COMMAND… runs a command that must end with an exit code, and keeps what
# it says in $work/said. It waits in a way that a signal can end.
said() {
	local want=$1 code=0
	shift
	"$@" >"$work/said" 2>&1 &
	running=$!
	wait "$running" || code=$?
	running=
	test "$code" = "$want" || fail "exit code $code instead of $want from: $*" "$work/said"
}

# serve starts the service as the tutorial does, but on a port that is free, and sets
# address.
serve() {
	local script
	script=$(block step=serve)
	bash -euc "$script -addr 127.0.0.1:0" >"$work/served" 2>&1 &
	server=$!
	address=
	while test -z "$address"; do
		kill -0 "$server" 2>/dev/null || fail 'it ended' "$work/served"
		sleep 0.1
		address=$(sed -n 's/.* serving .*address=\(127\.0\.0\.1:[0-9]*\).*/\1/p' "$work/served")
	done
}

# serve_no_more ends the service as Ctrl-C does. A program that fails to end says so after
# the server's last line. The exit code cannot be used: go run returns 1 for every program
# that is interrupted.
serve_no_more() {
	kill -INT -- "-$server"
	wait "$server" || true
	server=
	[[ $(tail -n 1 "$work/served") = *' INFO stopped' ]] || fail 'it did not stop well' "$work/served"
}

# end ends what still runs.
end() {
	local process
	for process in $running $server $clock; do
		kill -TERM -- "-$process" 2>/dev/null || true
		wait "$process" 2>/dev/null || true
	done
}
