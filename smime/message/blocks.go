package message

import "sync"

// blocks are the memory of closed spools, for the next ones, by size.
var blocks = [...]struct {
	size int
	pool sync.Pool // of *[]byte
}{{size: 16 << 10}, {size: fileBuffer}, {size: spoolMemory / 2}, {size: spoolMemory}}

// fileBlock is the place in blocks of those of fileBuffer.
const fileBlock = 1

func getBlock(i int) *[]byte {
	if block, ok := blocks[i].pool.Get().(*[]byte); ok {
		return block
	}
	b := make([]byte, blocks[i].size)
	return &b
}

func putBlock(i int, block *[]byte) { blocks[i].pool.Put(block) }

// reserve sees to it that the tail can have n bytes, at most spoolMemory, in its block.
func (s *Spool) reserve(n int) {
	if n <= cap(s.tail) {
		return
	}
	i := 0
	for blocks[i].size < n {
		i++
	}
	block := getBlock(i)
	tail := append((*block)[:0], s.tail...)
	s.release()
	s.block, s.tail = block, tail
}

// release gives the block back; that of a secret spool without its contents.
func (s *Spool) release() {
	if s.block == nil {
		return
	}
	if s.secret {
		clear(*s.block)
	}
	for i := range blocks {
		if blocks[i].size == len(*s.block) {
			putBlock(i, s.block)
		}
	}
	s.block, s.tail = nil, nil
}
