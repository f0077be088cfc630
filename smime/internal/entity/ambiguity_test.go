package entity

import (
	"testing"

	"pgregory.net/rapid"
)

func TestCommonBoundary(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]bool{
		`sig`:                                true,
		`"sig"`:                              true,
		`"----=_Part_1.2"`:                   true,
		`"Apple-Mail=_0(1)+',-./: ?"`:        true,
		`----=_Part_1`:                       false, // to be quoted
		`sig(x)`:                             false,
		`"s\ig"`:                             false,
		`"sig "`:                             false,
		`" sig"`:                             false,
		`"s ig"`:                             true,
		`"s  ig"`:                            false,
		`'sig'`:                              false,
		`"<sig>"`:                            false,
		`"a;b"`:                              false,
		"\"a\tb\"":                           false,
		`"süß"`:                              false,
		`"=?utf-8?q?sig?="`:                  false,
		`"` + string(make([]byte, 71)) + `"`: false,
	} {
		if got := !ParseMediaType("multipart/signed; boundary=" + raw).odd; got != want {
			t.Errorf("boundary=%s common %v, want %v", raw, got, want)
		}
	}
}

func TestSecondBoundary(t *testing.T) {
	t.Parallel()
	for params, want := range map[string]bool{
		`boundary="--boundary_1"`:               false,
		`boundary=b; start="<boundary@a.test>"`: false,
		`x="a; boundary=c"; boundary=b`:         true,
		`x="a; Boundary* =c"; boundary=b`:       true,
		`boundary=b; x="boundary*0=c"`:          true,
		`boundary=b; x-boundary=c`:              true,
		`boundary="b_boundary=c"`:               true,
	} {
		if got := ParseMediaType("multipart/signed; " + params).odd; got != want {
			t.Errorf("%s odd %v, want %v", params, got, want)
		}
	}
}

// However the text is cut up, every line that begins like a delimiter counts once.
func TestDelimiterCounter(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOf(rapid.SampledFrom([]string{"--b", "\r", "\n", "\r\n", "-", "b", " ", "x--b"})).Draw(t, "words")
		text, want, start := "", 0, true
		for _, w := range words {
			text += w
		}
		for i := range len(text) {
			if start && len(text)-i >= 3 && text[i:i+3] == "--b" {
				want++
			}
			start = text[i] == '\r' || text[i] == '\n'
		}
		c := DelimiterCounter{Delimiter: []byte("--b")}
		for rest := text; rest != ""; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "piece")
			if _, err := c.Write([]byte(rest[:n])); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		if c.N != want {
			t.Errorf("%d in %q, want %d", c.N, text, want)
		}
	})
}
