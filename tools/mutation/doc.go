// Command mutation finds out which faults the tests of a package would miss.
//
// It changes the code of a package in small ways, the mutants: a condition negated, a
// guard dropped, an operator swapped, a call, a defer or an assignment left out, an
// error returned as nil, true returned for false. All mutants of a package are
// compiled into one test binary, each behind a switch, and the binary runs once for
// each mutant, with the tests that reach it. What they miss is judged by the tests of
// the further packages that judges.txt names. A mutant that no test notices survives.
//
//	go run ./mutation -dir .. ./action ./internal/policy
//	go run ./mutation -dir .. -since HEAD~1 -limit 150s ./action
//	go run ./mutation -dir .. -listed tools/mutation/undenied.txt -by action/actiontest -tests '^TestDenials$' ./action
//
// Nothing is written into the source tree: the changed files reach the compiler as an
// overlay. The tests run with -short, so that those that repeat a thing for long do not. Those
// that kill most for their time run first, and a run ends with the first test that fails, or
// when it takes several times as long as without a mutant, which is a kill too.
//
// Results are kept, so a run that was interrupted goes on where it stopped: a kill
// while its file stays the same, a survivor while the package and all of these tests do. Delete
// bin/mutation after tests were removed. With -limit, the time is shared between the
// packages, and what was not judged by then is printed and does not fail.
//
// It fails on a survivor that equivalent.txt does not list; what is listed there is not run. A line there gives the
// file, the function, the kind of the mutant and its text, and the reason why the
// mutant means the same as the code. Where a function has several alike, "return nil #2" is the second one. Where tests of one kind judge alone, -listed names a
// further list of that form: mutants that these tests need not find.
package main
