package message

import (
	"context"
	"fmt"

	"golang.org/x/sync/semaphore"
)

// DefaultMemory is how much content that has to be whole in memory a process holds for all messages
// together.
const DefaultMemory = 256 << 20

// Memory bounds the memory of all messages together whose content has to be whole in memory: what a
// cipher with an authentication tag encrypts or decrypts. Nil bounds nothing. Safe for concurrent
// use.
type Memory struct {
	max  int64
	free *semaphore.Weighted
}

// NewMemory returns max bytes of memory.
func NewMemory(max int64) *Memory { return &Memory{max, semaphore.NewWeighted(max)} }

// Take waits until n bytes are free, of more than there are until all are, in the order of the
// calls. What they are for ends before release is called. The error says that ctx ended before.
func (m *Memory) Take(ctx context.Context, n int64) (release func(), err error) {
	if m == nil {
		return func() {}, nil
	}
	n = min(n, m.max)
	if err := m.free.Acquire(ctx, n); err != nil {
		return nil, fmt.Errorf("message: other messages use the memory for encrypted content: %w", err)
	}
	return func() { m.free.Release(n) }, nil
}
