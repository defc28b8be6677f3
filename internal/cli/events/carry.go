package events

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hooks-cli/hooks/internal/build"
	"github.com/hooks-cli/hooks/internal/cli"
	"github.com/hooks-cli/hooks/internal/httptext"
	"github.com/hooks-cli/hooks/internal/ids"
	"github.com/hooks-cli/hooks/internal/payload"
	"github.com/hooks-cli/hooks/internal/render"
	"github.com/hooks-cli/hooks/internal/replay"
	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/store"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// ExportOptions is the command line of export, parsed.
type ExportOptions struct {
	IDs         []string
	Selection   cli.Selection
	Credentials bool
	Redact      []string
}

func newExportCmd(env *cli.Env, run func(context.Context, *cli.Env, ExportOptions) error) *cobra.Command {
	var o ExportOptions
	cmd := &cobra.Command{
		Use:   "export [ID…]",
		Short: "Write deliveries in a form for others",
		Long: "Writes deliveries, oldest first: as JSON, one a line, which hooks events import and hooks replay - read; as raw HTTP, curl commands " +
			"or a HAR log. Credentials in headers and addresses are masked, and the masked delivery says so.",
		Example: "  $ hooks events export last --format curl\n  $ hooks events export --since 1h -o captures.ndjson\n" +
			"  $ hooks events export --redact data.email -o issue.ndjson",
		Args:              cli.Args(0, -1, "ids"),
		ValidArgsFunction: env.CompleteIDs,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.IDs = args
			if len(args) > 0 && o.Selection.Given(cmd) {
				return cli.Usage(cli.ErrIDsAndFlags)
			}
			return run(cmd.Context(), env, o)
		},
	}
	selects(env, cmd, &o.Selection, 0)
	cmd.Flags().BoolVar(&o.Credentials, "show-credentials", false, "do not mask headers and addresses that hold credentials")
	cmd.Flags().StringArrayVar(&o.Redact, "redact", nil, "replace the value at `PATH` of the payload and mark it (repeatable)")
	cli.Formats(cmd, httptext.Formats()...)
	exits(cmd, "they were written, if there are none too", cli.Exit{Status: cli.StatusNo, When: "an id was not found"})
	return cmd
}

// RunExport writes deliveries.
func RunExport(ctx context.Context, env *cli.Env, o ExportOptions) error {
	edits, err := redactions(o.Redact)
	if err != nil {
		return err
	}
	found := map[string]bool{}
	format := httptext.Format(env.Global.Format)
	lines := format == "" || format == "text" || format == "json"
	var all []*webhook.Delivery
	err = each(ctx, env, &o, func(d *webhook.Delivery) error {
		if d, err = redact(d, o.Redact, edits, found); err != nil {
			return err
		}
		switch {
		case !lines:
			all = append(all, d)
			return nil
		case !o.Credentials:
			d = httptext.Masked(d)
		}
		return env.JSONLine(ctx, d)
	})
	if err != nil {
		return err
	}
	for _, path := range o.Redact {
		if !found[path] {
			env.Warn(fmt.Sprintf("--redact %s: nothing that was written has this field", path))
		}
	}
	if lines {
		return nil
	}
	return write(env, format, o.Credentials, all...)
}

// each calls f for every delivery that is to be written, oldest first.
func each(ctx context.Context, env *cli.Env, o *ExportOptions, f func(*webhook.Delivery) error) error {
	if len(o.IDs) > 0 {
		return named(ctx, env, o.IDs, f)
	}
	st, q, err := open(ctx, env, &o.Selection)
	if err != nil {
		return err
	}
	if q.Limit > 0 {
		return newest(ctx, env, st, q, f)
	}
	q.Oldest = true
	for d, err := range st.All(ctx, q) {
		var damaged *store.DamagedError
		switch {
		case errors.As(err, &damaged):
			warnDamaged(env, []*store.DamagedError{damaged})
			continue
		case err != nil:
			return err
		}
		if err := f(d); err != nil {
			return err
		}
	}
	return nil
}

// named calls f for the deliveries that refs mean, ids or files. If one of them
// is not there, nothing is written of the others either.
func named(ctx context.Context, env *cli.Env, refs []string, f func(*webhook.Delivery) error) error {
	list := make([]string, len(refs))
	files := map[int]*webhook.Delivery{}
	for i, ref := range refs {
		if env.IsFile(ref) {
			d, err := env.Delivery(ctx, ref)
			if err != nil {
				return err
			}
			files[i] = d
			continue
		}
		id, err := env.CaptureID(ctx, ref)
		if err != nil {
			return err
		}
		list[i] = id
	}
	st, err := env.Workspace().Store(ctx)
	if err != nil {
		return err
	}
	for i, id := range list {
		d := files[i]
		if d == nil {
			if d, err = st.Get(ctx, id); err != nil {
				return err
			}
		}
		if err := f(d); err != nil {
			return err
		}
	}
	return nil
}

// newest calls f for the newest deliveries, as many as the limit of q says, and
// of these for the oldest first. They need not fit into memory.
func newest(ctx context.Context, env *cli.Env, st *store.Store, q store.Query, f func(*webhook.Delivery) error) error {
	var list []string
	for d, err := range st.All(ctx, q) {
		var damaged *store.DamagedError
		switch {
		case errors.As(err, &damaged):
			warnDamaged(env, []*store.DamagedError{damaged})
		case err != nil:
			return err
		default:
			list = append(list, d.ID)
		}
	}
	for _, id := range slices.Backward(list) {
		d, err := st.Get(ctx, id)
		if errors.Is(err, store.ErrNotFound) {
			continue // deleted meanwhile
		}
		if err == nil {
			err = f(d)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// redactions makes an edit of each path that is to be hidden.
func redactions(paths []string) ([]payload.Edit, error) {
	var edits []payload.Edit
	for _, path := range paths {
		if path == "" {
			return nil, cli.Usagef("--redact: the path is empty")
		}
		edit, err := payload.ParseEdit(path+`:="(redacted)"`, false)
		if err != nil {
			return nil, cli.Usagef("--redact: %w", err)
		}
		edits = append(edits, edit)
	}
	return edits, nil
}

// redact returns d with the edits made and marked, and notes in found what was
// there. A payload that has no such field is left as it is.
func redact(d *webhook.Delivery, paths []string, edits []payload.Edit, found map[string]bool) (*webhook.Delivery, error) {
	out := d
	for i, edit := range edits {
		body, err := payload.Set(out.Body, edit)
		var missing *payload.PathError
		switch {
		case errors.As(err, &missing), errors.Is(err, payload.ErrNotJSON):
			continue
		case err != nil:
			return nil, cli.Usagef("redact %s in %s: %w", paths[i], d.ID, err)
		}
		if out == d {
			out = d.Clone()
		}
		out.Body = body
		found[paths[i]] = true
		out.Redacted = append(out.Redacted, paths[i])
	}
	return out, nil
}

// write prints requests in a form of httptext: byte for byte, unless a terminal
// shows it.
func write(env *cli.Env, format httptext.Format, credentials bool, ds ...*webhook.Delivery) error {
	var b bytes.Buffer
	if len(ds) == 0 && format != httptext.HAR {
		return nil
	}
	if err := httptext.Write(&b, format, httptext.Options{Credentials: credentials, Version: build.Read().Version}, ds...); err != nil {
		return cli.Usage(err)
	}
	text := b.String()
	if env.OutTerminal {
		text = strings.TrimRight(safetext.Block(strings.ReplaceAll(text, "\r\n", "\n")), "\n") + "\n"
	}
	return env.Print(text)
}

// ImportOptions is the command line of import, parsed.
type ImportOptions struct {
	File string
}

func newImportCmd(env *cli.Env, run func(context.Context, *cli.Env, ImportOptions) error) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "import FILE",
		Short: "Take deliveries into the store",
		Long: "Reads deliveries from a file, or from standard input for -: what hooks events export wrote, a HAR log, a raw request, a curl command. " +
			"What is in the store already is left alone. hooks replay sends imported deliveries where --to or the settings say, else to this machine, and never where the file says.",
		Example: "  $ hooks events import captures.ndjson\n  $ hooks events import browser.har",
		Args:    cli.Args(1, 1, "a file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return run(cmd.Context(), env, ImportOptions{File: args[0]})
		},
	}
	exits(cmd, "everything is in the store",
		cli.Exit{Status: cli.StatusUsage, When: "the file is malformed; what came before the mistake is kept"})
	return cmd
}

// imported is the JSON form of what import did.
type imported struct {
	Imported int `json:"imported"`
	Known    int `json:"already_stored"`
}

// RunImport takes deliveries in.
func RunImport(ctx context.Context, env *cli.Env, o ImportOptions) error {
	data, err := env.Input(o.File)
	if err != nil {
		return err
	}
	st, err := env.Workspace().Store(ctx)
	if err != nil {
		return err
	}
	in := importing{store: st, now: env.Now, describe: env.Describe}
	err = httptext.Read(bytes.NewReader(data), func(item httptext.Item) error { return in.take(ctx, item) })
	err = errors.Join(err, in.flush(ctx)) // what comes before a mistake is kept
	done := in.done
	if err != nil {
		return importError(env, o.File, done, err)
	}
	if env.Global.WantsJSON() {
		return env.JSON(ctx, done)
	}
	text := "imported " + render.Plural(done.Imported, "delivery", "deliveries")
	if done.Known > 0 {
		text += fmt.Sprintf(", %d already stored", done.Known)
	}
	return env.Print(text + "\n")
}

// importError tells a mistake of the file from one of the store.
func importError(env *cli.Env, file string, done imported, err error) error {
	if stored, ok := errors.AsType[*storeError](err); ok {
		return stored.err
	}
	if done.Imported > 0 {
		env.Say("imported %s before the mistake", render.Plural(done.Imported, "delivery", "deliveries"))
	}
	return cli.Usage(fmt.Errorf("%s: %w", cli.InputName(file), err))
}

// A storeError came from what is kept here and not from what was read.
type storeError struct{ err error }

func (e *storeError) Error() string { return e.err.Error() }
func (e *storeError) Unwrap() error { return e.err }

// Deliveries are stored so many at a time: each commit waits for the disk.
const (
	batchCount = 256
	batchBytes = 4 << 20
)

// importing is an import under way.
type importing struct {
	store    *store.Store
	now      func() time.Time
	describe func(*webhook.Delivery) error

	batch []*webhook.Delivery
	bytes int
	done  imported
	seen  map[[sha256.Size]byte]uint32 // how often newID has met a delivery
}

// take puts a delivery into the batch, under its own id or a new one. What it
// says about addresses is a label from now on. An attempt that stands on a line
// of its own is put to its delivery.
func (i *importing) take(ctx context.Context, item httptext.Item) error {
	if item.Attempt != nil {
		if err := i.flush(ctx); err != nil {
			return err
		}
		err := i.store.AddAttempt(ctx, item.DeliveryID, *item.Attempt)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return &storeError{err}
		}
		return nil
	}
	d := item.Delivery
	d.RemoteAddr = replay.ImportedAddr
	if err := i.describe(d); err != nil {
		return &storeError{err}
	}
	dated := !d.ReceivedAt.IsZero()
	if !dated {
		d.ReceivedAt = i.now()
	}
	if d.Direction == "" {
		d.Direction = webhook.Received
	}
	if _, err := ids.Parse(d.ID); err != nil {
		if d.ID, err = i.newID(d, dated); err != nil {
			return &storeError{err}
		}
	}
	i.batch, i.bytes = append(i.batch, d), i.bytes+len(d.Body)
	if len(i.batch) < batchCount && i.bytes < batchBytes {
		return nil
	}
	return i.flush(ctx)
}

// newID makes an id for what has none. What has a time has the same id each time
// that it is imported, so that it is in the store once: an entry of a HAR log.
// Entries that are alike in one file are told apart by their number.
func (i *importing) newID(d *webhook.Delivery, dated bool) (string, error) {
	var gen ids.Generator
	if dated {
		d.ID = ""
		text, err := json.Marshal(d)
		if err != nil {
			return "", err
		}
		sum := sha256.Sum256(text)
		if i.seen == nil {
			i.seen = map[[sha256.Size]byte]uint32{}
		}
		i.seen[sum]++
		sum = sha256.Sum256(binary.BigEndian.AppendUint32(sum[:], i.seen[sum]))
		gen.Entropy = bytes.NewReader(sum[:])
	}
	return gen.At(d.ReceivedAt), nil
}

// flush stores the batch.
func (i *importing) flush(ctx context.Context) error {
	batch := i.batch
	if len(batch) == 0 {
		return nil
	}
	i.batch, i.bytes = nil, 0
	var failed error
	for n, err := range i.store.AppendAll(ctx, batch) {
		switch {
		case errors.Is(err, store.ErrExists):
			i.done.Known++
		case err == nil:
			i.done.Imported++
		case failed == nil:
			failed = &storeError{fmt.Errorf("import %s: %w", batch[n].ID, err)}
		}
	}
	return failed
}
