// Package archtest holds no code, only tests: the rules that this repository
// keeps, each with the reason where it is not plain. They read the source and
// the command tree; a package that breaks one fails with the place and what to
// do about it.
//
// New packages add their layer in layers_test.go, new modules a line with their
// reason in testdata/dependencies.txt.
package archtest
