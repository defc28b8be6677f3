// Package crosscheck holds no code, only tests of the program as it is shipped:
// it is built once and put beside things that this project did not write. Node
// and Python judge what hooks signs, by the verification functions that the
// providers document; the libraries that providers publish judge it too, and
// sign for it to judge; Express and Flask receive it; hooks judges what openssl
// and Python's hmac sign; hooks check judges a gallery of real apps, and the
// handlers that hooks snippet writes; kill -9 ends it under load; other programs
// stand beside it in benchmarks.
//
// A runtime that is missing skips its tests with one line that names it. With
// HOOKS_TEST_REQUIRE=1 it fails them instead.
package crosscheck
