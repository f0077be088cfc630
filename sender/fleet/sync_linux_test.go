package fleet

import "testing"

func TestTellsErrors(t *testing.T) {
	t.Parallel()
	for release, want := range map[string]bool{"6.1.0-13-amd64": true, "5.8.0": true, "5.7.19": false, "4.19.0-27": false, "5.10.0+": true, "unknown": false, "10.0": true} {
		if tellsErrors(release) != want {
			t.Errorf("%s: %v", release, !want)
		}
	}
}

// TestSyncEach: what systems without such a call do works here too.
func TestSyncEach(t *testing.T) {
	t.Parallel()
	inv, dir := enrolled(t, 3)
	if err := inv.Each(func(e Event) error { return syncEach(dir, []string{e.Name}) }); err != nil {
		t.Error(err)
	}
	if err := syncEach(dir, []string{"nobody.example"}); err == nil {
		t.Error("a folder that is not there: no error")
	}
}
