# Reads the tutorial and the guides. Their fenced blocks have info strings such as
# "sh step=generate" and "go file=main.go", of which a browser takes the first word.

# block TAG [PAGE] prints the block with a tag, of the tutorial or of another page.
block() {
	local page=${2:-docs/tutorial.md}
	awk -v tag="$1" '
		/^```/ { inside = !inside; wanted = inside && index($0 " ", " " tag " "); found += wanted > 0; next }
		wanted
		END { exit found != 1 }
	' "$repo/$page" || fail "$page has no block \"$1\", or several"
}

# unpack writes every file of the tutorial.
unpack() {
	local file
	for file in $(sed -n 's/^```[a-z]* file=//p' "$repo/docs/tutorial.md"); do
		at "$file"
		mkdir -p "$(dirname "$file")"
		block "file=$file" >"$file"
	done
}
