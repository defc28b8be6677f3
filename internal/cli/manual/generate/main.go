// Generate writes the man pages into the folder that its argument names. They
// are dated SOURCE_DATE_EPOCH, in seconds since 1970, so that a release can be
// built again byte for byte.
package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/hooks-cli/hooks/internal/cli"
	"github.com/hooks-cli/hooks/internal/cli/manual"
	"github.com/hooks-cli/hooks/internal/cli/root"
)

func main() {
	if err := run(os.Args[1:], os.Getenv("SOURCE_DATE_EPOCH")); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func run(args []string, epoch string) error {
	if len(args) != 1 {
		return errors.New("usage: generate FOLDER")
	}
	seconds, err := strconv.ParseInt(epoch, 10, 64)
	if err != nil {
		return errors.New("SOURCE_DATE_EPOCH is not set to the date of the pages")
	}
	var topics []manual.Topic
	for _, t := range root.Topics() {
		topics = append(topics, manual.Topic(t))
	}
	for name, text := range manual.Pages(root.New(cli.System()), topics, time.Unix(seconds, 0)) {
		if err := os.WriteFile(filepath.Join(args[0], name), []byte(text), 0o644); err != nil { //nolint:gosec // pages are for everyone
			return err
		}
	}
	return nil
}
