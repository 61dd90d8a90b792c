package demo

import "strings"

// A command is a line to copy into a shell, under a remark that says what it does. The
// remark has no special characters, so that it is harmless in a shell that takes no
// comments at its prompt.
type command struct {
	remark string
	words  []string
}

// String returns the command as a line for any POSIX shell.
func (c command) String() string {
	quoted := make([]string, len(c.words))
	for i, word := range c.words {
		quoted[i] = quote(word)
	}
	return strings.Join(quoted, " ")
}

// quote quotes a word for any POSIX shell.
func quote(word string) string {
	const plain = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz%+,-./:@_"
	if word != "" && strings.Trim(word, plain) == "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// post returns a call by curl with a message in JSON. It prints the answer as a line.
func post(remark, address, message string, options ...string) command {
	words := append([]string{"curl", "-sS", "-w", `\n`}, options...)
	return command{remark, append(words, "-H", "Content-Type: application/json", "-d", message, address)}
}
