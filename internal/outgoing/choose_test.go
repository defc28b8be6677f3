package outgoing_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/hooks-cli/hooks/internal/outgoing"
	"github.com/hooks-cli/hooks/internal/provider"
)

func TestChoose(t *testing.T) {
	t.Parallel()
	c, err := provider.Load()
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		types []string
		data  string
		own   string
		first string
		more  bool
	}{
		"by-rank":            {types: []string{"render.completed"}, first: "canvelete", more: true},
		"by-own-secret":      {types: []string{"render.completed"}, own: "loopcanvas", first: "loopcanvas", more: true},
		"secret-of-another":  {types: []string{"render.completed"}, own: "generic", first: "canvelete", more: true},
		"only-one":           {types: []string{"design.created"}, first: "canvelete"},
		"all-of-several":     {types: []string{"render.completed", "track.analyzed"}, first: "loopcanvas"},
		"body-of-canvelete":  {data: `{"eventId":"evt_1","eventType":"render.completed"}`, first: "canvelete"},
		"body-of-loopcanvas": {data: `{"id":"evt_1","type":"render.completed","created":1}`, first: "loopcanvas"},
		"body-of-sketchpen":  {data: `{"event":"video.completed","video_id":"v"}`, first: "sketchpen"},
		"body-of-generic":    {data: `{"id":"evt_1","type":"user.created","created_at":1}`, first: "generic"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var data []byte
			if tt.data != "" {
				data = []byte(tt.data)
			}
			ids, err := outgoing.Choose(c, tt.types, data, func(id string) bool { return id == tt.own })
			if err != nil || ids[0] != tt.first || tt.more && len(ids) < 2 || slices.Index(ids, tt.first) != 0 {
				t.Errorf("Choose = %v, %v, want %s first", ids, err, tt.first)
			}
		})
	}
	none := func(string) bool { return false }
	var unknown *outgoing.UnknownTypeError
	if _, err := outgoing.Choose(c, []string{"render.complete"}, nil, none); !errors.As(err, &unknown) || unknown.Nearest != "render.completed" {
		t.Errorf("an event with a slip: %v", err)
	}
	if _, err := outgoing.Choose(c, []string{"design.created", "track.analyzed"}, nil, none); !errors.As(err, &unknown) || len(unknown.Types) != 2 {
		t.Errorf("events of different providers: %v", err)
	}
	if _, err := outgoing.Choose(c, nil, []byte(`{"a":1}`), none); !errors.Is(err, outgoing.ErrUnknownBody) {
		t.Errorf("a body that is no event: %v", err)
	}
	if _, err := outgoing.Choose(c, nil, nil, none); !errors.Is(err, outgoing.ErrNoEvent) {
		t.Errorf("nothing at all: %v", err)
	}
}

func TestEdits(t *testing.T) {
	t.Parallel()
	got, err := outgoing.Edits([]string{"a=1"}, []string{"b:=2"})
	if err != nil || len(got) != 2 || got[0].Path.String() != "$.a" || got[1].Value != "2" || got[0].Mode == got[1].Mode {
		t.Errorf("Edits = %+v, %v", got, err)
	}
	if _, err := outgoing.Edits([]string{"a"}, nil); err == nil {
		t.Error("an edit without a value was read")
	}
}
