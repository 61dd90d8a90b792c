// Package actiontest helps applications test their actions: a handler by itself
// with [NewCall], and who may call what with [Matrix].
//
// It works in test binaries only.
package actiontest
