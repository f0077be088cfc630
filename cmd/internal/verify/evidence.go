package verify

import (
	"context"
	"errors"
	"fmt"
	"time"

	"dnseal/receiver"
	"dnseal/receiver/evidence"
	"dnseal/smime/message"
)

// keeper is a sink that keeps evidence.
type keeper struct {
	file   *evidence.File
	by     evidence.Judged
	proof  evidence.Proof
	failed error
	done   func(path string)
}

// Evidence returns a sink that keeps what the verdicts rest on in a file; done is told its name, ""
// where there was nothing to keep. What goes wrong is the error of Close: the verdicts stand, and
// there is no file.
func Evidence(file *evidence.File, by evidence.Judged, proof evidence.Proof, done func(path string)) Sink {
	return &keeper{file: file, by: by, proof: proof, done: done}
}

func (k *keeper) Read(context.Context, *message.Message, *receiver.Report) error { return nil }

func (k *keeper) Write(r *receiver.Report) error {
	if k.failed == nil {
		k.failed = k.file.Add(r, k.by)
	}
	return nil
}

func (k *keeper) Close() error {
	if k.failed != nil {
		k.file.Abort()
		return fmt.Errorf("no evidence was kept: %w", withoutPrefix(k.failed))
	}
	path, err := k.file.Close(time.Now(), k.proof)
	if err != nil {
		return fmt.Errorf("no evidence was kept: %w", withoutPrefix(err))
	}
	k.done(path)
	return nil
}

// withoutPrefix is the error that the file system returned, where it is one.
func withoutPrefix(err error) error {
	if inner := errors.Unwrap(err); inner != nil {
		return inner
	}
	return err
}
