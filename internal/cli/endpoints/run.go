package endpoints

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/hooks-cli/hooks/internal/address"
	"github.com/hooks-cli/hooks/internal/cli"
	"github.com/hooks-cli/hooks/internal/endpoint"
	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/secret"
)

// Run does what the verb says.
func Run(ctx context.Context, env *cli.Env, o Options) error {
	r, err := connect(ctx, env, o)
	if err != nil {
		return err
	}
	switch o.Verb {
	case endpoint.Create:
		if o.Tunnel {
			return r.expose(ctx)
		}
		return r.create(ctx)
	case endpoint.List:
		return r.list(ctx)
	case endpoint.Get:
		doc, err := r.client.Get(ctx, o.ID)
		return r.one(ctx, doc, err)
	case endpoint.Update:
		return r.update(ctx)
	case endpoint.Delete:
		return r.remove(ctx)
	case endpoint.Test:
		return r.test(ctx)
	}
	return r.deliveries(ctx)
}

// fields makes what is sent of the command line.
func (r *registering) fields() (endpoint.Fields, error) {
	f := endpoint.Fields{Events: r.o.Events}
	if r.o.Verb == endpoint.Create {
		f.Provider = r.provider.ID
		if r.needsEvents() && len(r.o.Events) == 0 {
			return f, cli.Usage(errors.New("for which events?"), "give --event TYPE; hooks providers show "+r.provider.ID+" lists them")
		}
	}
	if r.o.HasURL {
		u, err := address.ParseURL(r.o.URL)
		if err != nil {
			return f, cli.Usage(err)
		}
		text := u.String()
		f.URL = &text
	}
	if r.o.HasActive {
		f.Active = &r.o.Active
	}
	if r.o.HasSecret {
		s, err := r.env.Secret(r.o.Secret)
		if err != nil {
			return f, cli.WithHints(fmt.Errorf("--secret: %w", err))
		}
		if cli.IsLiteral(r.o.Secret) && (r.env.InTerminal || r.env.ErrTerminal) {
			r.env.WarnOnce("other users of this machine can read --secret in the list of processes", "give --secret env:NAME or --secret @FILE")
		}
		text := s.Reveal()
		f.Secret = &text
	}
	if r.client.API.OneEvent() && (f.Secret != nil || f.Active != nil) {
		return f, cli.Usagef("%s makes the secret itself, and knows no --active", r.client.API.Name)
	}
	return f, nil
}

// needsEvents says whether the API has no word for all events.
func (r *registering) needsEvents() bool {
	own, has := endpoint.Of(r.provider.ID)
	return has && own.Name == r.client.API.Name
}

// register makes the endpoints: one, or where the API wants that, one for each
// event.
func (r *registering) register(ctx context.Context, f endpoint.Fields) ([]endpoint.Document, error) {
	each := [][]string{f.Events}
	if r.client.API.OneEvent() {
		each = slices.Collect(slices.Chunk(f.Events, 1))
	}
	var made []endpoint.Document
	for _, events := range each {
		one := f
		one.Events = events
		doc, err := r.client.Create(ctx, one)
		if err != nil {
			if len(made) > 0 {
				r.env.Warn(fmt.Sprintf("%d of %d are registered: %s", len(made), len(each), strings.Join(idsOf(made), ", ")))
			}
			return made, r.meaning(err)
		}
		made = append(made, doc)
	}
	return made, nil
}

func idsOf(docs []endpoint.Document) []string {
	var ids []string
	for _, d := range docs {
		ids = append(ids, d.Text("id"))
	}
	return ids
}

func (r *registering) create(ctx context.Context) error {
	f, err := r.fields()
	if err != nil {
		return err
	}
	made, err := r.register(ctx, f)
	if err != nil {
		return err
	}
	if err := r.save(ctx, made); err != nil {
		return err
	}
	if r.env.Global.WantsJSON() && len(made) > 1 {
		return r.env.JSON(ctx, made)
	}
	for _, doc := range made {
		if err := r.show(ctx, doc); err != nil {
			return err
		}
	}
	return nil
}

// save keeps the secret of an answer as the provider's.
func (r *registering) save(ctx context.Context, made []endpoint.Document) error {
	if !r.o.SaveSecret {
		return nil
	}
	if len(made) > 1 {
		r.env.Warn("each registration has a secret of its own; the last one is kept")
	}
	text := made[len(made)-1].Text("secret")
	if text == "" {
		return cli.NoBecause(errors.New("the API's answer has no secret to keep"))
	}
	s := safetext.NewSecret(text)
	if _, err := r.provider.Keys(s); err != nil {
		return cli.Failed(fmt.Errorf("keep the secret: %w", err))
	}
	ws := r.env.Workspace()
	where, err := ws.Keeper().Set(ctx, ws.Profile(), r.provider.ID, s, false)
	if err != nil {
		return cli.Failed(fmt.Errorf("keep the secret: %w", err))
	}
	place := string(where)
	if where == secret.InFile {
		place = "secrets file"
	}
	r.env.Say("the secret of %s is kept in the %s", r.provider.ID, place)
	return nil
}

// one shows the endpoint of an answer.
func (r *registering) one(ctx context.Context, doc endpoint.Document, err error) error {
	if err != nil {
		return r.meaning(err)
	}
	if err := r.save(ctx, []endpoint.Document{doc}); err != nil {
		return err
	}
	return r.show(ctx, doc)
}

func (r *registering) show(ctx context.Context, doc endpoint.Document) error {
	if r.env.Global.WantsJSON() {
		return r.env.JSON(ctx, doc)
	}
	rows := [][]string{{"id", doc.Text("id")}, {"url", doc.Text("url")}, {"events", strings.Join(doc.Events(), ", ")}}
	for _, f := range []struct{ title, field string }{
		{"active", "active"},
		{"active", "is_active"},
		{"status", "status"},
		{"failing since", "failing_since"},
		{"last error", "last_error"},
		{"secret", "secret"},
		{"secret name", "secret_name"},
		{"pending", "pending"},
		{"created", "created_at"},
	} {
		if v := doc.Text(f.field); v != "" {
			rows = append(rows, []string{f.title, v})
		}
	}
	return r.env.Columns(rows)
}

func (r *registering) list(ctx context.Context) error {
	doc, list, err := r.client.List(ctx, r.provider.ID)
	if err != nil {
		return r.meaning(err)
	}
	if r.env.Global.WantsJSON() {
		return r.env.JSON(ctx, doc)
	}
	if len(list) == 0 {
		r.env.Say("no endpoint is registered; hooks endpoints create registers one")
		return nil
	}
	rows := [][]string{{"ID", "STATUS", "EVENTS", "CREATED", "URL"}}
	for _, d := range list {
		rows = append(rows, []string{d.Text("id"), state(d), strings.Join(d.Events(), ","), d.Text("created_at"), safetext.CleanURL(d.Text("url"))})
	}
	return r.env.Columns(rows)
}

// state is whether an endpoint gets anything.
func state(d endpoint.Document) string {
	if d.Text("active", "is_active") == "false" {
		return "inactive"
	}
	if s := d.Text("status"); s != "" {
		return s
	}
	return "active"
}

func (r *registering) update(ctx context.Context) error {
	f, err := r.fields()
	if err != nil {
		return err
	}
	doc, err := r.client.Update(ctx, r.o.ID, f)
	return r.one(ctx, doc, err)
}

func (r *registering) remove(ctx context.Context) error {
	if err := r.client.Delete(ctx, r.o.ID); err != nil {
		return r.meaning(err)
	}
	if r.env.Global.WantsJSON() {
		return r.env.JSON(ctx, map[string]any{"id": r.o.ID, "deleted": true})
	}
	return r.env.Print("deleted " + safetext.Line(r.o.ID) + "\n")
}

func (r *registering) test(ctx context.Context) error {
	eventType, err := r.eventToTest(ctx)
	if err != nil {
		return err
	}
	doc, err := r.client.Test(ctx, r.o.ID, r.provider.ID, eventType)
	if err != nil {
		return r.meaning(err)
	}
	if r.env.Global.WantsJSON() {
		if doc == nil {
			doc = endpoint.Document("null")
		}
		return r.env.JSON(ctx, doc)
	}
	line := "sent a test event"
	if id := doc.Text("event_id", "events[0].id", "id"); id != "" {
		line += " " + id
	}
	if err := r.env.Print(safetext.Line(line) + "\n"); err != nil {
		return err
	}
	r.env.Say("what became of it: hooks endpoints deliveries %s%s", r.o.ID, r.flags())
	return nil
}

// flags are those with which another command finds the same API.
func (r *registering) flags() string {
	text := " --provider " + r.provider.ID
	if r.o.APIURL != "" {
		text += " --api-url " + r.o.APIURL
	}
	return text
}

// eventToTest is the event that the emulator is to send: the one that is named,
// else the first that the endpoint is registered for.
func (r *registering) eventToTest(ctx context.Context) (string, error) {
	switch {
	case len(r.o.Events) > 1:
		return "", cli.Usagef("--event names %d events, and one is sent", len(r.o.Events))
	case r.needsEvents() && len(r.o.Events) == 1:
		return "", cli.Usagef("%s chooses the event itself", r.client.API.Name)
	case r.needsEvents():
		return "", nil
	case len(r.o.Events) == 1:
		return r.o.Events[0], nil
	}
	doc, err := r.client.Get(ctx, r.o.ID)
	if err != nil {
		return "", r.meaning(err)
	}
	for _, t := range doc.Events() {
		if !strings.Contains(t, "*") {
			return t, nil
		}
	}
	if len(r.provider.Events) == 0 {
		return "", cli.Usage(errors.New("which event?"), "give --event TYPE")
	}
	return r.provider.Events[0].Type, nil
}

func (r *registering) deliveries(ctx context.Context) error {
	doc, list, err := r.client.Deliveries(ctx, r.o.ID, r.o.Limit)
	if err != nil {
		return r.meaning(err)
	}
	if r.env.Global.WantsJSON() {
		return r.env.JSON(ctx, doc)
	}
	if len(list) == 0 {
		r.env.Say("nothing was delivered yet")
		return nil
	}
	rows := [][]string{{"ID", "EVENT", "STATUS", "CODE", "ATTEMPTS", "AT", "ERROR"}}
	for _, d := range list {
		rows = append(rows, delivery(d))
	}
	return r.env.Columns(rows)
}

// delivery is a row. The generic API counts attempts, the emulator lists them.
func delivery(d endpoint.Document) []string {
	code, attempts, at, why := d.Text("status_code"), d.Text("attempts"), d.Text("delivered_at", "created_at"), d.Text("error")
	var tried []struct {
		At     string  `json:"at"`
		Status *int    `json:"status"`
		Error  *string `json:"error"`
	}
	if json.Unmarshal([]byte(attempts), &tried) == nil && len(tried) > 0 {
		last := tried[len(tried)-1]
		attempts, at = strconv.Itoa(len(tried)), last.At
		if last.Status != nil {
			code = strconv.Itoa(*last.Status)
		}
		if last.Error != nil {
			why = *last.Error
		}
	} else if attempts == "[]" {
		attempts = "0"
	}
	return []string{d.Text("id"), dash(d.Text("event_id")), d.Text("status"), dash(code), dash(attempts), dash(at), why}
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// public puts the path that an app is called at behind the address of its
// tunnel.
func public(tunnel string, target *url.URL, usual string) string {
	path := target.EscapedPath()
	if path == "" || path == "/" {
		path = usual
	}
	return strings.TrimSuffix(tunnel, "/") + path
}
