package deliver_test

import (
	"net/http"
	"reflect"
	"testing"

	"github.com/hooks-cli/hooks/internal/deliver"
)

func TestEndToEnd(t *testing.T) {
	t.Parallel()
	in := http.Header{
		"Host": {"a.example"}, "Content-Length": {"3"}, "Transfer-Encoding": {"chunked"}, "Expect": {"100-continue"},
		"Connection": {"close, X-Hop", "x-other"}, "X-Hop": {"1"}, "X-Other": {"1"}, "Keep-Alive": {"timeout=5"},
		"Proxy-Authorization": {"Basic x"}, "Te": {"trailers"}, "Upgrade": {"h2c"},
		"X-Signature": {"a", "b"}, "Content-Type": {"application/json"}, "Authorization": {"Bearer x"},
	}
	before := in.Clone()
	want := http.Header{"X-Signature": {"a", "b"}, "Content-Type": {"application/json"}, "Authorization": {"Bearer x"}}
	if got := deliver.EndToEnd(in); !reflect.DeepEqual(got, want) {
		t.Errorf("EndToEnd = %v, want %v", got, want)
	}
	if !reflect.DeepEqual(in, before) {
		t.Errorf("the header that was passed is now %v", in)
	}
	if got := deliver.EndToEnd(nil); got == nil || len(got) != 0 {
		t.Errorf("EndToEnd(nil) = %v", got)
	}
}
