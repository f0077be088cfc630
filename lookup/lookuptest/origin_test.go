package lookuptest

import (
	"strings"
	"testing"
)

// TestOrigin: a zone file need not say its name twice; where it never does, the error says what to
// add.
func TestOrigin(t *testing.T) {
	t.Parallel()
	const rest = " 300 IN SOA ns h 1 2 3 4 5\n@ 300 IN NS ns\nns 300 IN A 192.0.2.1\nx._device 300 IN TLSA 3 1 1 01\n"
	for _, tt := range []struct{ name, text, origin, wrong string }{
		{"owner of the SOA in full", "example.org." + rest, "", ""},
		{"$ORIGIN", "$ORIGIN example.org.\n@" + rest, "", ""},
		{"$TTL and comment before the SOA", "; mine\n$TTL 60\nexample.org." + rest, "", ""},
		{"origin from outside", "@" + rest, "example.org", ""},
		{"no name at all", "@" + rest, "", "put $ORIGIN and the zone's name first"},
		{"relative owner", "example" + rest, "", "put $ORIGIN"},
		{"byte order mark", "\ufeff$ORIGIN example.org.\n@" + rest, "", ""},
		{"byte order mark before the owner", "\ufeffexample.org." + rest, "", ""},
		{"byte order mark, origin from outside", "\ufeff@" + rest, "example.org", ""},
		{"relative names without @", "www 300 IN A 192.0.2.1\n", "", "put $ORIGIN"},
		{"some other mistake", "example.org." + rest + "y A 1.2.3\n", "", "zone:5"},
	} {
		s, err := New([]Zone{{Text: tt.text, Origin: tt.origin}}, Options{})
		if tt.wrong != "" {
			if err == nil || !strings.Contains(err.Error(), tt.wrong) {
				t.Errorf("%s: error %v, want %q", tt.name, err, tt.wrong)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if records, err := s.Records("example.org"); err != nil || len(records) < 8 {
			t.Errorf("%s: %d records (%v)", tt.name, len(records), err)
		}
	}
}
