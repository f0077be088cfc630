package fleet

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestEach: the last line that enrolled an identity counts, and none that was retired after it.
func TestEach(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "fleet.jsonl")
	const lines = `{"time":"2026-11-30T10:00:00Z","event":"enrolled","name":"a._device.example.net","key":"1","record":"3 1 1 00"}
{"time":"2026-11-30T10:00:00Z","event":"enrolled","name":"b._device.example.net","key":"2","record":"3 1 1 00"}
{"time":"2026-11-30T10:00:00Z","event":"enrolled","name":"c._device.example.net","key":"3","record":"3 1 1 00"}
{"time":"2026-11-30T10:00:00Z","event":"written","file":"zone"}
{"time":"2026-11-30T10:00:00Z","event":"retired","name":"a._device.example.net","record":"3 1 1 00"}
{"time":"2026-11-30T10:00:00Z","event":"retired","name":"b._device.example.net","record":"3 1 1 00"}
{"time":"2026-11-30T10:00:00Z","event":"enrolled","name":"c._device.example.net","key":"4","record":"3 1 1 00"}
{"time":"2026-11-30T10:00:00Z","event":"enrolled","name":"d._device.example.net","key":"5","record":"3 1 1 00"}
`
	if err := os.WriteFile(path, []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	inv, err := ReadInventory(path)
	if err != nil {
		t.Fatal(err)
	}
	defer inv.Close()
	var keys []string
	if err := inv.Each(func(e Event) error { keys = append(keys, e.Key); return nil }); err != nil || strings.Join(keys, " ") != "4 5" {
		t.Errorf("%v, %v", keys, err)
	}
}
