// Command mutation finds out which faults the tests of a package would miss.
//
// It changes the code of a package in small ways, the mutants: a condition negated, a
// guard dropped, an operator swapped, a call, a defer or an assignment left out, an
// error returned as nil, true returned for false. All mutants of a package are
// compiled into one test binary, each behind a switch, and the binary runs once for
// each mutant, with the tests that reach it. A mutant that no test notices survives.
//
//	go run ./mutation -dir .. ./action ./internal/policy
//	go run ./mutation -dir .. -since HEAD~1 -limit 150s ./action
//
// Nothing is written into the source tree: the changed files reach the compiler as an
// overlay. Results are kept by the content of the package, so a run that was
// interrupted goes on where it stopped.
//
// It fails on a survivor that equivalent.txt does not list. A line there gives the
// file, the function, the kind of the mutant and its text, and the reason why the
// mutant means the same as the code.
package main
