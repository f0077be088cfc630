package admit

import "testing"

func TestLists(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		allow, deny []string
		name        string
		ok          bool
	}{
		{nil, nil, "x._smimecert.example.org.", true},
		{[]string{"example.org"}, nil, "x._smimecert.example.org.", true},
		{[]string{"Example.ORG."}, nil, "x._smimecert.sub.example.org.", true},
		{[]string{"example.org"}, nil, "example.org.", true},
		{[]string{"example.org"}, nil, "x._smimecert.badexample.org.", false},
		{[]string{"example.org"}, nil, "org.", false},
		{[]string{"example.org"}, []string{"sub.example.org"}, "x.sub.example.org.", false},
		{nil, []string{"example.org"}, "x._smimecert.example.org.", false},
		{nil, []string{"example.org"}, "x._smimecert.example.net.", true},
		{nil, []string{"example.org"}, "x._smimecert.EXAMPLE.org", false},
		{nil, []string{"example.org"}, `x._smimecert.ex\097mple.org.`, false},
		{nil, []string{"example.org"}, `x._smimecert.e\Xample.org.`, false},
		{nil, []string{"_device.example.org"}, "x._device.example.org.", false},
		{[]string{"example.org"}, nil, `x\.example.org.`, false},
		{[]string{"example.org"}, nil, `x\046example.org.`, false},
		{[]string{"bücher.example"}, nil, "x._smimecert.xn--bcher-kva.example.", true},
	} {
		a, err := NewLists(tt.allow, tt.deny)
		if err != nil {
			t.Fatal(err)
		}
		if why := a.Refuse(OwnerName(tt.name)); (why == "") != tt.ok {
			t.Errorf("allow %q, deny %q: %s: %q, want ok %t", tt.allow, tt.deny, tt.name, why, tt.ok)
		}
	}
	for _, list := range [][]string{{""}, {"."}, {"xn--a"}, {"*.example.org"}, {".example.org"}, {"example.org.."}, {" example.org"}, {"a..b"}} {
		if _, err := NewLists(nil, list); err == nil {
			t.Errorf("NewLists(%q): no error", list)
		}
	}
}

// TestOwnerName: every octet is written in one way, so that a reply repeats what was asked.
func TestOwnerName(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"X.Example.ORG": "x.example.org.", "n\u00f6.example.org.": `n\195\182.example.org.`, `\110.org`: "n.org.",
		`a b.org`: `a\ b.org.`, `a;b.org`: `a\;b.org.`, `a\.b.org`: `a\.b.org.`, "*._x.org.": "*._x.org.", ".": ".",
	} {
		if got := OwnerName(name); got != want {
			t.Errorf("OwnerName(%q) = %q, want %q", name, got, want)
		}
	}
}
