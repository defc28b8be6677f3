package listen

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"unicode/utf8"

	"github.com/hooks-cli/hooks/internal/cli"
	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/webhook"
)

const (
	// largeBody is the size from which a body is written in pieces: encoded as
	// a whole it would be in memory several times over, beside those that come
	// in meanwhile.
	largeBody = 1 << 20
	pieceSize = 48 << 10 // divisible by 3, so that base64 needs no padding inside
)

// large writes a delivery's object as line does, its body in pieces.
func (d *display) large(members string, dv *webhook.Delivery) {
	if err := writeLarge(d.env.Out, members, dv); err != nil {
		d.write(cli.Failed(fmt.Errorf("write the result: %w", err)))
	}
}

func writeLarge(to io.Writer, members string, dv *webhook.Delivery) error {
	bare := *dv
	bare.Body = nil
	doc, err := bare.MarshalJSON()
	if err != nil {
		return err
	}
	// No text inside the document can look so: its quotes would be escaped.
	head, tail, ok := bytes.Cut(safetext.EscapeJSON(doc), []byte(`"body":"","size":0`))
	if !ok {
		return errors.New("a delivery's JSON has no body")
	}
	w := bufio.NewWriterSize(to, pieceSize)
	_, _ = w.WriteString("{" + members) // what fails here fails again in Flush
	_, _ = w.Write(head[1:])
	if utf8.Valid(dv.Body) {
		writeText(w, dv.Body)
	} else {
		_, _ = w.WriteString(`"body_base64":"`)
		for piece := range slices.Chunk(dv.Body, pieceSize) {
			_, _ = w.Write(base64.StdEncoding.AppendEncode(nil, piece))
		}
	}
	_, _ = fmt.Fprintf(w, `","size":%d%s`+"\n", len(dv.Body), tail)
	return w.Flush()
}

// writeText writes text as the beginning of a JSON member, without its closing
// quote.
func writeText(w *bufio.Writer, text []byte) {
	_, _ = w.WriteString(`"body":"`)
	for len(text) > 0 {
		n := min(len(text), pieceSize)
		for n < len(text) && !utf8.RuneStart(text[n]) {
			n--
		}
		var b bytes.Buffer
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		_ = enc.Encode(string(text[:n])) // a string has a JSON form
		quoted := safetext.EscapeJSON(bytes.TrimSuffix(b.Bytes(), []byte("\n")))
		_, _ = w.Write(quoted[1 : len(quoted)-1])
		text = text[n:]
	}
}
