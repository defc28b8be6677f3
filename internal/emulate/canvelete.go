package emulate

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/hooks-cli/hooks/internal/outgoing"
	"github.com/hooks-cli/hooks/internal/payload"
)

// The Canvelete API, to the letter:
//
//	POST /v1/render/design/{id}   format, dynamicData, width, height
//	                              → {"success":true,"data":{…,"downloadUrl"}}
//	GET  /renders/{file}          what downloadUrl leads to: an image of the size
//	                              and format that was asked for
//
// Each render needs a bearer key. Then render.completed happens, with the same
// data, or render.failed. An error is {"success":false,"error":{"code",
// "message"}}: RATE_LIMITED with retryAfter in seconds, NOT_FOUND,
// VALIDATION_ERROR with details. The design decides: one with "missing" in its
// id is not found, rendering one with "fail" in it fails with RENDER_TIMEOUT.

func (s *Server) canveleteRoutes() []route {
	return []route{
		{canveleteID, "POST /v1/render/design/{id}", false, canveleteRender},
		{canveleteID, "GET /renders/{file}", false, canveleteDownload},
	}
}

type canveleteError struct {
	Code       string   `json:"code"`
	Message    string   `json:"message"`
	RetryAfter int      `json:"retryAfter,omitempty"`
	Details    []detail `json:"details,omitempty"`
}

type detail struct {
	Field   string `json:"field"`
	Message string `json:"message"`
}

// A canveleteAnswer is what every answer of the API looks like.
type canveleteAnswer struct {
	Success bool            `json:"success"`
	Data    *canveleteData  `json:"data,omitempty"`
	Error   *canveleteError `json:"error,omitempty"`
}

func (c *call) canveleteError(status int, e canveleteError) {
	c.json(status, canveleteAnswer{Error: &e})
}

func (c *call) canveleteFail(err error) {
	status, code, text, _ := problem(err)
	if input, ok := errors.AsType[*inputError](err); ok {
		c.canveleteError(status, canveleteError{
			Code: "VALIDATION_ERROR", Message: text, Details: []detail{{input.Field, input.Message}},
		})
		return
	}
	c.w.Header().Set(ExtensionHeader, "true")
	c.canveleteError(status, canveleteError{Code: strings.ToUpper(code), Message: text})
}

// A canveleteData is a finished render, in the answer and in the event.
type canveleteData struct {
	RenderID    string            `json:"renderId"`
	DesignID    string            `json:"designId"`
	Status      string            `json:"status"`
	DownloadURL string            `json:"downloadUrl"`
	Metadata    canveleteMetadata `json:"metadata"`
}

type canveleteMetadata struct {
	Format     string  `json:"format"`
	Width      int     `json:"width"`
	Height     int     `json:"height"`
	FileSize   int     `json:"fileSize"`
	RenderTime float64 `json:"renderTime"`
}

type canveleteInput struct {
	Format      string         `json:"format"`
	DynamicData map[string]any `json:"dynamicData"`
	Width       *int           `json:"width"`
	Height      *int           `json:"height"`
}

const (
	usualSide = 1080
	// renderTimeout is the code with which a render fails.
	renderTimeout     = "RENDER_TIMEOUT"
	renderTimeoutText = "Render exceeded maximum time limit"
)

func canveleteRender(c *call) {
	if k, _, ok := strings.Cut(c.Header.Get("Authorization"), " "); !ok || !strings.EqualFold(k, "Bearer") || !fits(c.key(), c.s.cfg.APIKey) {
		c.w.Header().Set("WWW-Authenticate", "Bearer")
		c.w.Header().Set(ExtensionHeader, "true")
		c.canveleteError(http.StatusUnauthorized, canveleteError{Code: "UNAUTHORIZED", Message: "The API key is missing or wrong"})
		return
	}
	if wait, yes := c.limited(canveleteID); yes {
		c.canveleteError(http.StatusTooManyRequests, canveleteError{Code: "RATE_LIMITED", Message: "Too many requests", RetryAfter: wait})
		return
	}
	design := c.PathValue("id")
	if strings.Contains(design, "missing") {
		c.canveleteError(http.StatusNotFound, canveleteError{Code: "NOT_FOUND", Message: "Design not found"})
		return
	}
	in, problems := c.canveleteInput()
	if len(problems) > 0 {
		c.canveleteError(http.StatusBadRequest, canveleteError{Code: "VALIDATION_ERROR", Message: "Invalid request", Details: problems})
		return
	}
	p := picture{format: in.Format, width: *in.Width, height: *in.Height}
	id := c.s.renderID(p)
	if strings.Contains(design, "fail") {
		c.rendered("render.failed", map[string]string{"renderId": id, "designId": design}, func() {
			c.canveleteError(http.StatusInternalServerError, canveleteError{Code: renderTimeout, Message: renderTimeoutText})
		})
		return
	}
	file, err := c.s.paint(id, p)
	if err != nil {
		c.canveleteFail(err)
		return
	}
	data := canveleteData{
		RenderID: "render_" + id, DesignID: design, Status: "completed", DownloadURL: c.base() + "/renders/" + id + "." + p.format,
		Metadata: canveleteMetadata{Format: p.format, Width: p.width, Height: p.height, FileSize: len(file), RenderTime: 1.2},
	}
	c.rendered("render.completed", map[string]string{
		"renderId": id, "designId": design, "downloadUrl": data.DownloadURL, "metadata.format": p.format,
		"metadata.width": strconv.Itoa(p.width), "metadata.height": strconv.Itoa(p.height), "metadata.fileSize": strconv.Itoa(len(file)),
	}, func() { c.json(http.StatusOK, canveleteAnswer{Success: true, Data: &data}) })
}

// canveleteInput reads and completes what is to be rendered, and lists what is
// wrong with it.
func (c *call) canveleteInput() (in canveleteInput, problems []detail) {
	if len(c.body) == 0 {
		c.body = []byte("{}")
	}
	if err := c.tolerant(&in); err != nil {
		if input, ok := errors.AsType[*inputError](err); ok {
			return in, []detail{{input.Field, input.Message}}
		}
		return in, []detail{{"", err.Error()}}
	}
	switch in.Format {
	case "":
		in.Format = "png"
	case "jpeg":
		in.Format = "jpg"
	}
	if !slices.Contains(pictureFormats(), in.Format) {
		problems = append(problems, detail{"format", "it must be one of " + strings.Join(pictureFormats(), ", ")})
	}
	for name, side := range map[string]**int{"width": &in.Width, "height": &in.Height} {
		if *side == nil {
			n := usualSide
			*side = &n
		}
		if **side < 1 || **side > maxSide {
			problems = append(problems, detail{name, fmt.Sprintf("it must be from 1 to %d", maxSide)})
		}
	}
	slices.SortFunc(problems, func(a, b detail) int { return strings.Compare(a.Field, b.Field) })
	return in, problems
}

// rendered lets an event of a render happen, with some fields of data set, and
// answers once that is certain.
func (c *call) rendered(eventType string, data map[string]string, answer func()) {
	p, err := c.s.cfg.Catalogue.Get(canveleteID)
	if err != nil {
		c.canveleteFail(err)
		return
	}
	var edits []payload.Edit
	for name, value := range data {
		if name == "renderId" {
			value = "render_" + value
		}
		path, err := payload.ParsePath("data." + name)
		if err != nil {
			c.canveleteFail(err)
			return
		}
		edits = append(edits, payload.Edit{Path: path, Value: value, Mode: payload.Keep})
	}
	d, err := c.s.draft(p, outgoing.Order{Type: eventType, Edits: edits})
	if err == nil {
		_, err = c.s.happen(c.Context(), happening{draft: d, endpoints: c.s.wanting(p, d.EventType)})
	}
	if err != nil {
		c.canveleteFail(err)
		return
	}
	answer()
}

func canveleteDownload(c *call) {
	id, format, _ := strings.Cut(c.PathValue("file"), ".")
	p, ok := c.s.pictureOf(id)
	if !ok || p.format != format {
		c.w.Header().Set(ExtensionHeader, "true")
		http.Error(c.w, "there is no such render", http.StatusNotFound)
		return
	}
	file, err := c.s.paint(id, p)
	if err != nil {
		http.Error(c.w, "the render cannot be made", http.StatusInternalServerError)
		return
	}
	c.w.Header().Set("Content-Type", p.mediaType())
	c.w.Header().Set("Content-Length", strconv.Itoa(len(file)))
	c.w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox")
	if c.Method != http.MethodHead {
		_, _ = c.w.Write(file) // the caller has gone
	}
}
