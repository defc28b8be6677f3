// Hooks sends, receives, verifies and replays webhooks.
package main

import (
	"os"

	"github.com/hooks-cli/hooks/internal/cli"
	"github.com/hooks-cli/hooks/internal/cli/root"
)

func main() { os.Exit(root.Main(cli.System())) }
