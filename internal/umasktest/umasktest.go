// Package umasktest makes the folders of tests as they are on most machines.
// Where a person's group may write to each new folder, what is private is
// refused in it. It is imported by tests only.
package umasktest

// Usual sets the umask of the process, and of all that it starts. It is for
// TestMain, for the umask is not a test's own.
func Usual() { set(0o022) }
