package relay

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hooks-cli/hooks/internal/build"
	"github.com/hooks-cli/hooks/internal/cli"
	"github.com/hooks-cli/hooks/internal/safetext"
)

// deploy is what a relay is deployed with. The files are good as they stand,
// but for the names in them: release archives carry them too.
//
//go:embed deploy
var deploy embed.FS

// The names in the files that init writes anew.
const (
	hostInFiles  = "relay.example.com"
	emailInFiles = "ops@example.com"
)

// InitOptions is the command line of `hooks relay init`, parsed.
type InitOptions struct {
	Systemd, Compose, Kubernetes string

	Cluster bool
	Host    string
	Email   string
	Force   bool
}

// Written is the answer of --json.
type Written struct {
	Directory string   `json:"directory"`
	Files     []string `json:"files"`
}

func newInit(env *cli.Env) *cobra.Command {
	var o InitOptions
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Write the files that a relay is deployed with",
		Long: "The files go into DIR, with a README.md that says what to do with them. They run one relay, with its store and with TLS: as a systemd service, " +
			"in a container with Docker Compose or Podman (and a Containerfile for the image), or in Kubernetes behind an ingress controller. " +
			"With --cluster they run three relays and three NATS servers behind a load balancer, and RUNBOOK.md says how to keep them.",
		Example: "  $ hooks relay init --systemd deploy --host relay.example.com --email ops@example.com\n" +
			"  $ hooks relay init --compose deploy\n  $ hooks relay init --kubernetes deploy --cluster --host relay.example.com",
		Args: cli.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return initialise(cmd.Context(), env, o) },
	}
	flags := cmd.Flags()
	flags.StringVar(&o.Systemd, "systemd", "", "write a systemd unit to `DIR`")
	flags.StringVar(&o.Compose, "compose", "", "write a compose file and a Containerfile to `DIR`")
	flags.StringVar(&o.Kubernetes, "kubernetes", "", "write Kubernetes manifests to `DIR`")
	flags.BoolVar(&o.Cluster, "cluster", false, "for three relays that share a NATS cluster: with --compose or --kubernetes")
	flags.StringVar(&o.Host, "host", hostInFiles, "the `NAME` at which senders find the relay")
	flags.StringVar(&o.Email, "email", emailInFiles, "the `ADDRESS` of the ACME account that certificates are got with")
	flags.BoolVar(&o.Force, "force", false, "write over files that are there")
	cli.Exits(cmd,
		cli.Exit{Status: cli.OK, When: "the files are written"},
		cli.Exit{Status: cli.StatusError, When: "a file cannot be written, or one is there and --force was not given"},
	)
	return cmd
}

func initialise(ctx context.Context, env *cli.Env, o InitOptions) error {
	form, dir, err := o.form()
	if err != nil {
		return err
	}
	written := Written{Directory: env.Path(dir), Files: []string{}}
	entries, err := deployed(form, o.Cluster)
	if err != nil {
		return cli.Failed(err)
	}
	for _, e := range entries {
		name := filepath.Join(written.Directory, path.Base(e))
		if _, err := os.Lstat(name); err == nil && !o.Force {
			return cli.Failed(fmt.Errorf("%s: %w", name, fs.ErrExist), "--force writes over it")
		}
		written.Files = append(written.Files, name)
	}
	if err := os.MkdirAll(written.Directory, 0o755); err != nil { //nolint:gosec // others read what is deployed
		return cli.Failed(err)
	}
	for i, e := range entries {
		text, err := fs.ReadFile(deploy, e)
		if err == nil {
			err = os.WriteFile(written.Files[i], o.fill(text), 0o644) //nolint:gosec // as above
		}
		if err != nil {
			return cli.Failed(err)
		}
	}
	if env.Global.WantsJSON() {
		return env.JSON(ctx, written)
	}
	for _, e := range entries {
		if _, err := fmt.Fprintln(env.Out, filepath.Join(dir, path.Base(e))); err != nil {
			return cli.Failed(err)
		}
	}
	if o.Host == hostInFiles {
		env.Say("%s stands for the name of your relay: --host puts yours in its place", hostInFiles)
	}
	env.Say("what to do with them: %s", filepath.Join(dir, "README.md"))
	return nil
}

// deployed lists the files of a form.
func deployed(form string, cluster bool) ([]string, error) {
	dirs := []string{form}
	if cluster {
		dirs = []string{"cluster-" + form, "cluster"}
	}
	var list []string
	for _, dir := range dirs {
		files, err := fs.Glob(deploy, path.Join("deploy", dir, "*"))
		if err != nil {
			return nil, err
		}
		list = append(list, files...)
	}
	return list, nil
}

// form says what was asked for, and where to.
func (o *InitOptions) form() (form, dir string, err error) {
	for name, to := range map[string]string{"systemd": o.Systemd, "compose": o.Compose, "kubernetes": o.Kubernetes} {
		switch {
		case to == "":
		case form != "":
			return "", "", cli.Usagef("--systemd, --compose and --kubernetes exclude each other")
		default:
			form, dir = name, to
		}
	}
	switch {
	case form == "":
		return "", "", cli.Usage(errors.New("which form?"), "give --systemd DIR, --compose DIR or --kubernetes DIR")
	case o.Cluster && form == "systemd":
		return "", "", cli.Usagef("--cluster goes with --compose or --kubernetes")
	case !plainHost(o.Host):
		return "", "", cli.Usagef("--host: %q is not the name of a host", safetext.Line(o.Host))
	case strings.Count(o.Email, "@") != 1 || strings.ContainsAny(o.Email, " \t\r\n\"'\\$%{}:#"):
		return "", "", cli.Usagef("--email: %q is not an address", safetext.Line(o.Email))
	}
	return form, dir, nil
}

// plainHost says whether a name can stand in any of the files as it is.
func plainHost(s string) bool {
	return len(s) <= 253 && strings.Contains(s, ".") && strings.Trim(s, ".-") == s && !strings.Contains(s, "..") &&
		strings.Trim(strings.ToLower(s), "abcdefghijklmnopqrstuvwxyz0123456789.-") == ""
}

// fill puts names, and the version of this program if it is a release, into
// the text of a file.
func (o *InitOptions) fill(text []byte) []byte {
	text = bytes.ReplaceAll(text, []byte(hostInFiles), []byte(strings.ToLower(o.Host)))
	text = bytes.ReplaceAll(text, []byte(emailInFiles), []byte(o.Email))
	v := build.Read().Version
	if plain := strings.TrimPrefix(v, "v"); plain != v && !strings.ContainsAny(plain, "-+") {
		text = bytes.ReplaceAll(text, []byte("hooks-cli/hooks:latest"), []byte("hooks-cli/hooks:"+plain))
		text = bytes.ReplaceAll(text, []byte("HOOKS_VERSION: latest"), []byte("HOOKS_VERSION: "+v))
	}
	return text
}
