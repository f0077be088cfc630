package demo

import (
	"bytes"
	"strings"
	"testing"
)

func TestDowngrade(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, contentType, encoding, body, want string
		changed                                 int
	}{
		{"7-bit stays", "text/plain", "", "plain\r\n", "plain\r\n", 0},
		{"8-bit", "text/plain", "8bit", "gr\u00fcn\r\n", "gr=C3=BCn\r\n", 1},
		{
			"part", `multipart/mixed; boundary=b`, "",
			"--b\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\u00e4\r\n--b--\r\n",
			"--b\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=C3=A4\r\n--b--\r\n", 2,
		},
	}
	for _, tt := range tests {
		got, changed := downgrade(tt.contentType, tt.encoding, []byte(tt.body))
		if string(got) != tt.want || changed != tt.changed {
			t.Errorf("%s: downgrade = %q, %d; want %q, %d", tt.name, got, changed, tt.want, tt.changed)
		}
	}
}

func TestChangeOneLetter(t *testing.T) {
	t.Parallel()
	body := "preamble\r\n--b\r\nContent-Type: text/plain\r\n\r\n42, Text\r\n--b--\r\n"
	want := strings.Replace(body, "Text", "text", 1)
	if got := changeOneLetter([]byte(body)); string(got) != want {
		t.Errorf("changeOneLetter = %q, want %q", got, want)
	}
}

// TestDemo runs the whole story: it checks itself, and says so.
func TestDemo(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := Run(t.Context(), &out, nil, t.TempDir()); err != nil {
		t.Fatalf("demo: %v\n%s", err, &out)
	}
	if !strings.Contains(out.String(), "Everything ended as it must.") {
		t.Errorf("demo printed:\n%s", &out)
	}
}
