package relay

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/hooks-cli/hooks/internal/address"
	"github.com/hooks-cli/hooks/internal/cli"
	"github.com/hooks-cli/hooks/internal/cli/clitest"
)

// The command lines in the deploy files are ones that the relay takes, once
// there is a token: none is refused, open to the world or without a store.
func TestDeployedCommandLines(t *testing.T) {
	t.Parallel()
	for form, args := range map[string][]string{
		"systemd":    systemdArgs(t),
		"compose":    find(t, "compose/compose.yaml", "services", "relay", "command"),
		"kubernetes": find(t, "kubernetes/relay.yaml", "spec", "template", "spec", "containers", "0", "args"),

		"cluster-compose-1":  find(t, "cluster-compose/compose.yaml", "services", "relay1", "command"),
		"cluster-compose-2":  find(t, "cluster-compose/compose.yaml", "services", "relay2", "command"),
		"cluster-compose-3":  find(t, "cluster-compose/compose.yaml", "services", "relay3", "command"),
		"cluster-kubernetes": find(t, "cluster-kubernetes/relay.yaml", "spec", "template", "spec", "containers", "0", "args"),
	} {
		t.Run(form, func(t *testing.T) {
			t.Parallel()
			w := clitest.New(t)
			var got Options
			cmd := NewCmd(w.Env, func(_ context.Context, _ *cli.Env, o Options) error {
				got = o
				return nil
			})
			if len(args) == 0 || args[0] != "relay" {
				t.Fatalf("command line %q", args)
			}
			cmd.SetArgs(args[1:])
			if err := cmd.ExecuteContext(t.Context()); err != nil {
				t.Fatal(err)
			}
			if strings.HasPrefix(form, "cluster") {
				sharedOptions(t, w.Env, got)
				return
			}
			if got.DataDir == "" || got.Open || got.InsecureHTTP || got.LogFormat != "json" || got.PublicURL != "https://relay.example.com" {
				t.Errorf("options %+v", got)
			}
			got.DataDir = t.TempDir()
			make1 := TokenOptions{DataDir: got.DataDir}
			if err := create(t.Context(), w.Env, make1); err != nil {
				t.Fatal(err)
			}
			listen, err := address.ParseListen(got.Listen)
			if err != nil {
				t.Fatal(err)
			}
			cfg, err := configure(w.Env, got, listen)
			if err != nil || cfg.Tokens == nil || !cfg.Shared || cfg.Limits.Unlimited {
				t.Errorf("configure = %+v, %v", cfg, err)
			}
		})
	}
}

// sharedOptions checks the options of a relay among several: they agree with
// each other, and each has an address of its own.
func sharedOptions(t *testing.T, env *cli.Env, o Options) {
	t.Helper()
	if o.DataDir != "" || o.Open || o.InsecureHTTP || o.LogFormat != "json" || o.PublicURL != "https://relay.example.com" ||
		o.NATSSync != "always" || o.Node == "" || !strings.HasSuffix(o.Trunk, ":7422") || len(o.TrustProxy) == 0 {
		t.Errorf("options %+v", o)
	}
	if _, _, err := o.NATS.servers(env); err != nil {
		t.Error(err)
	}
	listen, err := address.ParseListen(o.Listen)
	if err != nil {
		t.Fatal(err)
	}
	if cfg, err := configure(env, o, listen); err != nil || !cfg.Shared || cfg.Limits.Unlimited {
		t.Errorf("configure = %+v, %v", cfg, err)
	}
}

// What makes a token is a command line too.
func TestDeployedTokenCommand(t *testing.T) {
	t.Parallel()
	w := clitest.New(t)
	args := find(t, "kubernetes/first-token.yaml", "spec", "containers", "0", "args")
	args[3] = "--data-dir=" + filepath.Join(t.TempDir(), "relay")
	cmd := NewCmd(w.Env, nil)
	cmd.SetArgs(args[1:])
	if err := cmd.ExecuteContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	if text := w.Stdout.String(); !strings.HasPrefix(text, "hkt_") {
		t.Errorf("printed %q", text)
	}
}

// Every manifest is one document with a kind, and the kustomization names all
// of them but the one that is for once.
func TestKubernetesManifests(t *testing.T) {
	t.Parallel()
	for _, dir := range []string{"kubernetes", "cluster-kubernetes"} {
		manifests(t, dir)
	}
}

func manifests(t *testing.T, dir string) {
	t.Helper()
	listed := find(t, dir+"/kustomization.yaml", "resources")
	files, err := fs.Glob(deploy, "deploy/"+dir+"/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, name := range files {
		base := filepath.Base(name)
		kind, ok := value(t, dir+"/"+base, "kind").(string)
		if !ok || kind == "" {
			t.Errorf("%s/%s has no kind", dir, base)
		}
		if strings.Contains(strings.Join(listed, " "), base) {
			seen++
		} else if base != "kustomization.yaml" && base != "first-token.yaml" {
			t.Errorf("the kustomization of %s leaves out %s", dir, base)
		}
	}
	if seen != len(listed) {
		t.Errorf("the kustomization names %v, %d of them are there", listed, seen)
	}
}

// init puts the names in, and leaves no other relay's there.
func TestInitFillsIn(t *testing.T) {
	t.Parallel()
	for _, form := range [][]string{{"--systemd"}, {"--compose"}, {"--kubernetes"}, {"--cluster", "--compose"}, {"--cluster", "--kubernetes"}} {
		w := clitest.New(t)
		dir := t.TempDir()
		cmd := NewCmd(w.Env, nil)
		cmd.SetArgs(append(append([]string{"init"}, form...), dir, "--host", "Hooks.Acme.dev", "--email", "it@acme.dev"))
		if err := cmd.ExecuteContext(t.Context()); err != nil {
			t.Fatal(err)
		}
		files, err := os.ReadDir(dir)
		if err != nil || len(files) < 3 {
			t.Fatalf("%s: %d files, %v", form, len(files), err)
		}
		named := false
		for _, f := range files {
			text, err := os.ReadFile(filepath.Join(dir, f.Name()))
			if err != nil {
				t.Fatal(err)
			}
			named = named || bytes.Contains(text, []byte("hooks.acme.dev"))
			if bytes.Contains(text, []byte("example.com")) {
				t.Errorf("%s speaks of example.com", f.Name())
			}
		}
		if !named {
			t.Errorf("%s: the name is nowhere", form)
		}
	}
}

func TestInitRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, args := range [][]string{
		{"init"},
		{"init", "--systemd", dir, "--compose", dir},
		{"init", "--systemd", dir, "--cluster"},
		{"init", "--systemd", dir, "--host", "relay"},
		{"init", "--systemd", dir, "--host", "a.b; rm -rf /"},
		{"init", "--systemd", dir, "--host", "-a.b"},
		{"init", "--compose", dir, "--email", "nobody"},
		{"init", "--compose", dir, "--email", "a@b\nprivileged: true"},
		{"init", "--compose", dir, "--email", "$(id)@b"},
	} {
		w := clitest.New(t)
		cmd := NewCmd(w.Env, nil)
		cmd.SetArgs(args)
		cmd.SilenceErrors, cmd.SilenceUsage = true, true
		if err := cmd.ExecuteContext(t.Context()); err == nil {
			t.Errorf("%q was taken", args)
		}
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 0 {
		t.Errorf("refused, and wrote %v, %v", files, err)
	}
}

func systemdArgs(t *testing.T) []string {
	t.Helper()
	text, err := fs.ReadFile(deploy, "deploy/systemd/hooks-relay.service")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "ExecStart=/usr/bin/hooks "); ok {
			return strings.Fields(rest)
		}
	}
	return nil
}

// find returns a list of strings in a YAML file.
func find(t *testing.T, file string, path ...string) []string {
	t.Helper()
	list, ok := value(t, file, path...).([]any)
	if !ok {
		t.Fatalf("%s: no list at %v", file, path)
	}
	out := make([]string, len(list))
	for i, v := range list {
		out[i], _ = v.(string)
	}
	return out
}

func value(t *testing.T, file string, path ...string) any {
	t.Helper()
	text, err := fs.ReadFile(deploy, "deploy/"+file)
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := yaml.Unmarshal(text, &v); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	for _, step := range path {
		switch at := v.(type) {
		case map[string]any:
			v = at[step]
		case []any:
			v = at[0]
		}
	}
	return v
}
