# Reads the tutorial and the guides. Their fenced blocks have info strings such as
# "sh step=generate" and "go file=main.go", of which a browser takes the first word.

# The page that is followed.
page=docs/tutorial.md

# block TAG [PAGE] prints the block with a tag, of the page that is followed or of another.
block() {
	local page=${2:-$page}
	awk -v tag="$1" '
		/^```/ { inside = !inside; wanted = inside && index($0 " ", " " tag " "); found += wanted > 0; next }
		wanted
		END { exit found != 1 }
	' "$repo/$page" || fail "$page has no block \"$1\", or several"
}

# unpack writes every file of the page.
unpack() {
	local file
	for file in $(sed -n 's/^```[a-z]* file=//p' "$repo/$page"); do
		at "$file"
		mkdir -p "$(dirname "$file")"
		block "file=$file" >"$file"
	done
}
