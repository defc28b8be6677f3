// Package inflate decodes compressed bodies for looking at them and for
// filters. What is verified, stored and forwarded is the bytes as they came,
// so nothing else may use it.
//
// One layer of gzip or deflate is decoded, within limits that a body made to
// explode cannot exceed.
package inflate

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

const (
	// MaxSize is how large a decoded body may be.
	MaxSize = 4 << 20
	// MaxRatio is how many times its size a body may grow.
	MaxRatio = 200
)

// Body returns what body says once the Content-Encoding of h is taken off, and
// the name of that encoding: "" if there is none, and then body itself is
// returned. An error says why the body stays compressed; it begins with
// "compressed, not expanded" and can be shown as it is.
func Body(h http.Header, body []byte) (decoded []byte, encoding string, err error) {
	layers := encodings(h)
	switch {
	case len(layers) == 0 || len(body) == 0:
		return body, "", nil
	case len(layers) > 1:
		return nil, strings.Join(layers, ", "), notExpanded(fmt.Errorf("%d layers", len(layers)))
	}
	encoding = layers[0]
	r, err := open(encoding, body)
	if err != nil {
		return nil, encoding, notExpanded(err)
	}
	limit := min(MaxSize, MaxRatio*len(body))
	decoded, err = io.ReadAll(io.LimitReader(r, int64(limit)+1))
	switch {
	case len(decoded) > MaxSize:
		return nil, encoding, notExpanded(errors.New("would exceed 4 MiB"))
	case len(decoded) > limit:
		return nil, encoding, notExpanded(fmt.Errorf("would exceed %d times its size", MaxRatio))
	case err != nil:
		return nil, encoding, notExpanded(plain(encoding, err))
	}
	return decoded, encoding, nil
}

func notExpanded(err error) error { return fmt.Errorf("compressed, not expanded: %w", err) }

// encodings lists the layers of Content-Encoding, without those that do
// nothing.
func encodings(h http.Header) []string {
	var layers []string
	for _, value := range h.Values("Content-Encoding") {
		for layer := range strings.SplitSeq(value, ",") {
			layer = strings.ToLower(strings.TrimSpace(layer))
			if layer != "" && layer != "identity" {
				layers = append(layers, layer)
			}
		}
	}
	return layers
}

// open returns a reader of the decoded bytes. What is called deflate is zlib
// by the standard and bare in some senders: the first two bytes tell.
func open(encoding string, body []byte) (io.Reader, error) {
	in := bufio.NewReader(bytes.NewReader(body))
	switch encoding {
	case "gzip", "x-gzip":
		r, err := gzip.NewReader(in)
		if err != nil {
			return nil, plain(encoding, err)
		}
		return r, nil
	case "deflate":
		if r, err := zlib.NewReader(bytes.NewReader(body)); err == nil {
			return r, nil
		}
		return flate.NewReader(in), nil
	}
	return nil, fmt.Errorf("%.40q is not an encoding that is known here", encoding)
}

// plain says what is wrong with the stream in one form for all decoders.
func plain(encoding string, err error) error {
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("the %s stream ends too early", encoding)
	case errors.Is(err, gzip.ErrChecksum), errors.Is(err, zlib.ErrChecksum):
		return fmt.Errorf("the checksum of the %s stream is wrong", encoding)
	case errors.Is(err, gzip.ErrHeader), errors.Is(err, zlib.ErrHeader):
		return fmt.Errorf("it is not %s", encoding)
	}
	return fmt.Errorf("the %s stream is broken", encoding)
}
