package cli

import "path/filepath"

// Dirs are the folders that belong to hooks. They need not exist.
type Dirs struct {
	Config string // settings and secrets: ~/.config/hooks
	Data   string // the store: ~/.local/share/hooks
	State  string // what a run remembers for the next: ~/.local/state/hooks
}

// SystemDirs returns the folders of the user, as the XDG base directory
// specification has them: the variables XDG_CONFIG_HOME, XDG_DATA_HOME and
// XDG_STATE_HOME if they are absolute, else what is usual on the system below
// home. Without a home nothing is ever put into the working directory: the
// folders are then at the root, where only root can make them.
func SystemDirs(goos, home string, getenv func(string) string) Dirs {
	if !filepath.IsAbs(home) {
		home = string(filepath.Separator)
	}
	config, data, state := ".config", filepath.Join(".local", "share"), filepath.Join(".local", "state")
	switch goos {
	case "darwin", "ios":
		config = filepath.Join("Library", "Application Support")
		data, state = config, config
	case "windows":
		config = filepath.Join("AppData", "Local")
		if local := getenv("LOCALAPPDATA"); filepath.IsAbs(local) {
			home, config = local, ""
		}
		data, state = config, config
	}
	dir := func(variable, usual string) string {
		if d := getenv(variable); filepath.IsAbs(d) {
			return filepath.Join(d, "hooks")
		}
		return filepath.Join(home, usual, "hooks")
	}
	return Dirs{Config: dir("XDG_CONFIG_HOME", config), Data: dir("XDG_DATA_HOME", data), State: dir("XDG_STATE_HOME", state)}
}
