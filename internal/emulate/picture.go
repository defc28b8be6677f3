package emulate

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"slices"
	"strings"
)

// A picture is what a render is asked for. Its id carries size and format, with
// a tag that only this data directory can make, so that its address answers
// also after a restart and nothing has to be kept for it.
type picture struct {
	format        string
	width, height int
}

// maxSide bounds the sides of a picture.
const maxSide = 4096

// pictureFormats are the formats that can be made.
func pictureFormats() []string { return []string{"png", "jpg", "pdf", "svg"} }

func (p picture) mediaType() string {
	return map[string]string{"png": "image/png", "jpg": "image/jpeg", "pdf": "application/pdf", "svg": "image/svg+xml"}[p.format]
}

const (
	pictureFields = 5 // bytes: format, width, height
	pictureChance = 5
	pictureTag    = 5
)

// An id is written in lower-case letters and digits.
func pictureCode() *base32.Encoding {
	return base32.NewEncoding("0123456789abcdefghijklmnopqrstuv").WithPadding(base32.NoPadding)
}

// renderID makes the id of a new picture.
func (s *Server) renderID(p picture) string {
	b := make([]byte, pictureFields+pictureChance, pictureFields+pictureChance+pictureTag)
	b[0] = byte(slices.Index(pictureFormats(), p.format))
	binary.BigEndian.PutUint16(b[1:], uint16(p.width))
	binary.BigEndian.PutUint16(b[3:], uint16(p.height))
	_, _ = rand.Read(b[pictureFields:]) // never fails
	return pictureCode().EncodeToString(append(b, s.tag(b)...))
}

func (s *Server) tag(b []byte) []byte {
	mac := hmac.New(sha256.New, s.key)
	mac.Write([]byte("render "))
	mac.Write(b)
	return mac.Sum(nil)[:pictureTag]
}

// pictureOf reads an id that renderID has made.
func (s *Server) pictureOf(id string) (picture, bool) {
	b, err := pictureCode().DecodeString(id)
	n := pictureFields + pictureChance
	if err != nil || len(b) != n+pictureTag || !hmac.Equal(s.tag(b[:n]), b[n:]) || int(b[0]) >= len(pictureFormats()) {
		return picture{}, false
	}
	return picture{pictureFormats()[b[0]], int(binary.BigEndian.Uint16(b[1:])), int(binary.BigEndian.Uint16(b[3:]))}, true
}

// paint makes the file of a picture: one colour, which follows from its id.
func (s *Server) paint(id string, p picture) ([]byte, error) {
	sum := sha256.Sum256([]byte(id))
	c := color.RGBA{sum[0], sum[1], sum[2], 255}
	var b bytes.Buffer
	var err error
	switch p.format {
	case "svg":
		fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d"><rect width="100%%" height="100%%" fill="#%02x%02x%02x"/></svg>`+"\n",
			p.width, p.height, p.width, p.height, c.R, c.G, c.B)
	case "pdf":
		b.Write(paintPDF(p, c))
	default:
		s.painting <- struct{}{} // a large one takes memory for a moment
		defer func() { <-s.painting }()
		area := image.Rect(0, 0, p.width, p.height)
		if p.format == "png" {
			err = (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(&b, image.NewPaletted(area, color.Palette{c}))
		} else {
			err = jpeg.Encode(&b, plain{area, c}, nil)
		}
	}
	return b.Bytes(), err
}

// plain is an image of one colour.
type plain struct {
	area   image.Rectangle
	colour color.RGBA
}

// ColorModel is that of image.Image.
func (p plain) ColorModel() color.Model { return color.RGBAModel }

// Bounds is that of image.Image.
func (p plain) Bounds() image.Rectangle { return p.area }

// At is that of image.Image.
func (p plain) At(int, int) color.Color { return p.colour }

// paintPDF makes a document of one page, a point for each pixel.
func paintPDF(p picture, c color.RGBA) []byte {
	content := fmt.Sprintf("%.3f %.3f %.3f rg 0 0 %d %d re f\n", float64(c.R)/255, float64(c.G)/255, float64(c.B)/255, p.width, p.height)
	objects := []string{
		"<< /Type /Catalog /Pages 2 0 R >>",
		"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
		fmt.Sprintf("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 %d %d] /Resources << >> /Contents 4 0 R >>", p.width, p.height),
		fmt.Sprintf("<< /Length %d >>\nstream\n%sendstream", len(content), content),
	}
	var b, table strings.Builder
	b.WriteString("%PDF-1.4\n")
	for i, o := range objects {
		fmt.Fprintf(&table, "%010d 00000 n \n", b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	start := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n%strailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n",
		len(objects)+1, table.String(), len(objects)+1, start)
	return []byte(b.String())
}
