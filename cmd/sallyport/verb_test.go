package main

import (
	"bytes"
	"strings"
	"testing"
)

// told is what a run printed, and its exit code.
type told struct {
	code      int
	out, errs string
}

func tell(t *testing.T, arguments ...string) told {
	t.Helper()
	var out, errs bytes.Buffer
	code := run(t.Context(), arguments, &out, &errs)
	return told{code, out.String(), errs.String()}
}

func TestCommandLine(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name      string
		arguments []string
		code      int
		out, errs string // what is printed, among other things; "" is nothing at all
	}{
		{"nothing", nil, exitMisused, "", "usage: sallyport VERB"},
		{"help", []string{"help"}, exitDone, "  protos ", ""},
		{"-h", []string{"-h"}, exitDone, "  protos ", ""},
		{"unknown verb", []string{"guess"}, exitMisused, "", `there is no verb "guess"; "sallyport help" lists them`},
		{"verb in another case", []string{"Protos"}, exitMisused, "", `there is no verb "Protos"`},
		{"help on a verb", []string{"protos", "-h"}, exitDone, "usage: sallyport protos DIR [FILE...]", ""},
		{"help lists the files", []string{"protos", "-help"}, exitDone, "\n  sallyport/v1/action.proto\n  buf/validate/validate.proto\n", ""},
		{"unknown flag", []string{"protos", "-x", "dir"}, exitMisused, "", "not defined: -x\nusage: sallyport protos"},
		{"no folder", []string{"protos"}, exitMisused, "", "name the folder to write to, such as third_party/proto\nusage:"},
		{"empty folder", []string{"protos", ""}, exitMisused, "", "name the folder"},
		{"unknown file", []string{"protos", t.TempDir(), "a.proto"}, exitMisused, "", `there is no file "a.proto" to write`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := tell(t, test.arguments...)
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
