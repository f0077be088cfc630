package message

import (
	"context"
	"errors"
	"testing"
)

func TestMemory(t *testing.T) {
	t.Parallel()
	m := NewMemory(10)
	ended, end := context.WithCancel(t.Context())
	end()
	take := func(ctx context.Context, n int64) func() {
		t.Helper()
		release, err := m.Take(ctx, n)
		if err != nil {
			t.Fatal(err)
		}
		return release
	}
	first, second := take(t.Context(), 4), take(t.Context(), 6)
	if _, err := m.Take(ended, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("more than there is: %v", err)
	}
	first()
	second()
	take(t.Context(), 1000)() // all of it
	take(t.Context(), 10)()
	m = nil
	take(t.Context(), 1<<40)()
}

// TestMemoryWaits: who asks for more than is free gets it when that is given back.
func TestMemoryWaits(t *testing.T) {
	t.Parallel()
	m := NewMemory(10)
	release, err := m.Take(t.Context(), 8)
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan error)
	go func() {
		all, err := m.Take(t.Context(), 10)
		if err == nil {
			all()
		}
		got <- err
	}()
	release()
	if err := <-got; err != nil {
		t.Error(err)
	}
}
