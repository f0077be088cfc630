package cms

import (
	"io"
	"runtime"
	"testing"
)

// zeros is content without end.
type zeros struct{}

func (zeros) ReadAt(p []byte, _ int64) (int, error) {
	clear(p)
	return len(p), nil
}

// TestMemory: writing and reading attached content takes the same little memory whatever its size.
// It does not run in parallel with other tests, whose memory would count.
func TestMemory(t *testing.T) {
	for name, size := range map[string]int64{"p256": 1 << 30, "ed25519": 32 << 20} {
		opts := SignOptions{Signers: []Signer{{Key: testKey(t, name)}}, Time: testTime}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		r, w := io.Pipe()
		signed := make(chan error, 1)
		go func() {
			err := SignAttached(w, io.NewSectionReader(zeros{}, 0, size), size, opts)
			signed <- err
			_ = w.CloseWithError(err)
		}()
		sd, err := Read(r, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err = <-signed; err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		if sd.ContentSize != size {
			t.Errorf("%s: ContentSize = %d", name, sd.ContentSize)
		}
		if err := sd.Signers[0].Verify(sd.Digests(), opts.Signers[0].Key.Public()); err != nil {
			t.Errorf("%s: Verify = %v", name, err)
		}
		// SHA-512 announced means that 1 MiB is held at first, in case it is needed.
		if all := after.TotalAlloc - before.TotalAlloc; all > 8<<20 {
			t.Errorf("%s: %d octets of content took %d octets of memory", name, size, all)
		}
	}
}
