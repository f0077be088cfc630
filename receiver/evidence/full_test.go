package evidence

import (
	"errors"
	"log/slog"
	"os"
	"testing"
	"time"

	"dnseal/receiver"
)

// full is a file on a disk that is full after some octets.
type full struct {
	*os.File
	left int
}

func (f *full) Write(p []byte) (int, error) {
	n, err := f.File.Write(p[:min(len(p), f.left)])
	if f.left -= n; n < len(p) && err == nil {
		err = errors.New("no space left on device")
	}
	return n, err
}

// TestDiskFull: a message that there is no room for is left out whole, and the file goes on after
// that as if it had not been there.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	report := &receiver.Report{Digests: &receiver.Digests{Message: hashOf(nil).String(), Objects: []string{hashOf(nil).String()}}, CheckedAt: time.Now()}
	by := JudgedBy(nil, Policy{})
	for room := 0; room < 1500; room += 50 {
		j, err := OpenJournal(JournalOptions{Dir: t.TempDir(), Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		j.Add(report, by)
		j.Flush()
		disk := &full{File: j.today.file, left: room}
		j.today.out = disk
		for range 3 {
			j.Add(report, by)
		}
		j.Flush()
		size := j.today.Size()
		if info, statErr := disk.Stat(); statErr != nil || info.Size() != size {
			t.Fatalf("room for %d octets: %v, %v", room, info.Size(), statErr)
		}
		disk.left = 1 << 20
		j.Add(report, by)
		j.Flush()
		messages := j.today.Messages()
		_ = j.Close()
		a, err := Open(j.opts.Dir, Options{})
		if err != nil || a.Files()[0].Messages != messages || a.Files()[0].Sealed == nil {
			t.Fatalf("room for %d octets: %v", room, err)
		}
		_ = a.Close()
	}
}
