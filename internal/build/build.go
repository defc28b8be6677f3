// Package build says which build of hooks is running.
package build

import (
	"runtime"
	"runtime/debug"
)

// Info is what is known about the build; its JSON form is that of `hooks version`.
type Info struct {
	Version  string `json:"version"`          // "v1.2.3", "(devel)" for a build from a work tree
	Commit   string `json:"commit,omitempty"` // "" where the build was not made from a repository
	Date     string `json:"commit_date,omitempty"`
	Modified bool   `json:"modified"` // the work tree had changes
	Go       string `json:"go"`
	OS       string `json:"os"`
	Arch     string `json:"arch"`
}

// Read returns what the Go toolchain recorded in the running program.
func Read() Info {
	info := Info{Version: "(devel)", Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH}
	build, ok := debug.ReadBuildInfo()
	if !ok {
		return info
	}
	if v := build.Main.Version; v != "" {
		info.Version = v
	}
	for _, s := range build.Settings {
		switch s.Key {
		case "vcs.revision":
			info.Commit = s.Value
		case "vcs.time":
			info.Date = s.Value
		case "vcs.modified":
			info.Modified = s.Value == "true"
		}
	}
	return info
}
