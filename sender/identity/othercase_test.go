package identity

import (
	"errors"
	"io/fs"
	"testing"
)

// TestOtherCase: an identity of another case is named, and is not used.
func TestOtherCase(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := Create(dir, "Scanner@example.org", CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	_, err := Load(dir, "scanner@example.org")
	other, ok := errors.AsType[*OtherCaseError](err)
	if !ok || other.Other != "Scanner@example.org" || other.Name != "scanner@example.org" || !errors.Is(err, fs.ErrNotExist) || Hint(err) == "" {
		t.Errorf("Load = %v", err)
	}
	for _, name := range []string{"scanners@example.org", "scanner@example.net", "scanner._device.example.org"} {
		if _, err = Load(dir, name); !errors.Is(err, fs.ErrNotExist) || errors.As(err, &other) {
			t.Errorf("Load of %s = %v", name, err)
		}
	}
	if _, err = Load(dir, "Scanner@EXAMPLE.org"); err != nil {
		t.Errorf("a domain in another case: %v", err)
	}
}
