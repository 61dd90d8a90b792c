package main

import (
	"bytes"
	"strings"
	"testing"
)

// printed is what a run printed, and its exit code.
type printed struct {
	code      int
	out, errs string
}

func sallyport(t *testing.T, arguments ...string) printed {
	t.Helper()
	return sallyportWith(t, "", arguments...)
}

// sallyportWith runs with a text on standard input.
func sallyportWith(t *testing.T, in string, arguments ...string) printed {
	t.Helper()
	var out, errs bytes.Buffer
	code := run(t.Context(), arguments, strings.NewReader(in), &out, &errs)
	return printed{code, out.String(), errs.String()}
}

func TestCommandLine(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name      string
		arguments []string
		code      int
		out, errs string // what is printed, among other things; "" is nothing at all
	}{
		{"nothing", nil, exitMisused, "", "sallyport: name a verb, such as lint or protos\nusage: sallyport VERB"},
		{"help", []string{"help"}, exitDone, "\n  protos ", ""},
		{"-h", []string{"-h"}, exitDone, "\n  lint ", ""},
		{"version", []string{"--version"}, exitDone, "sallyport version ", ""},
		{"unknown verb", []string{"guess"}, exitMisused, "", `there is no verb "guess"` + "\nusage: sallyport"},
		{"misspelt verb", []string{"lnt"}, exitMisused, "", `there is no verb "lnt"; did you mean "lint"?`},
		{"verb in another case", []string{"Protos"}, exitMisused, "", `there is no verb "Protos"; did you mean "protos"?`},
		{"help on a verb", []string{"protos", "-h"}, exitDone, "Usage:\n  sallyport protos DIR [FILE...]", ""},
		{"help by its verb", []string{"help", "lint"}, exitDone, "buf build -o - | sallyport lint -", ""},
		{"help lists the files", []string{"protos", "--help"}, exitDone, "\n  sallyport/v1/action.proto\n  buf/validate/validate.proto\n", ""},
		{"unknown flag", []string{"protos", "-x", "dir"}, exitMisused, "", "sallyport protos: unknown shorthand flag: 'x' in -x\nusage: sallyport protos"},
		{"no folder", []string{"protos"}, exitMisused, "", "name the folder to write to, such as third_party/proto\nusage:"},
		{"empty folder", []string{"protos", ""}, exitMisused, "", "name the folder"},
		{"unknown file", []string{"protos", t.TempDir(), "a.proto"}, exitMisused, "", `there is no file "a.proto" to write; there are: sallyport/v1/action.proto, buf`},
		{"two folders to lint", []string{"lint", "a", "b"}, exitMisused, "", "name one folder or file"},
		{"no folder to lint", []string{"lint"}, exitMisused, "", "there is no folder proto here"},
		{"a folder that is not there", []string{"lint", "ghost"}, exitFailed, "", "sallyport lint: stat ghost: no such file or directory: name a folder"},
		{"an output that is not there", []string{"lint", "-o", "xml", "."}, exitMisused, "", `there is no output "xml": write text or json`},
		{"completion", []string{"completion", "bash"}, exitDone, "bash completion", ""},
		{"completion of a verb", []string{"__complete", "l"}, exitDone, "lint\t", "Completion ended"},
		{"completion of a flag's value", []string{"__complete", "lint", "-o", ""}, exitDone, "text\njson\n", "Completion ended"},
		{"completion of a file", []string{"__complete", "protos", "dir", "b"}, exitDone, "buf/validate/validate.proto\n", "Completion ended"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := sallyport(t, test.arguments...)
			if got.code != test.code {
				t.Errorf("exit code %d, want %d", got.code, test.code)
			}
			if !strings.Contains(got.out, test.out) || (test.out == "") != (got.out == "") {
				t.Errorf("stdout %q, want %q", got.out, test.out)
			}
			if !strings.Contains(got.errs, test.errs) || (test.errs == "") != (got.errs == "") {
				t.Errorf("stderr %q, want %q", got.errs, test.errs)
			}
		})
	}
}
