// Package smt has the terms of a question for SMT solvers, their values, their text in
// SMT-LIB 2, and the running of z3 and cvc5.
//
// A term is of one of three sorts: Bool, Int of any size, and String as a sequence of code
// points. It knows nothing of conditions or declarations. A value that may be absent, and
// a number that may overflow, are what package prove makes of several terms.
package smt
