//go:build !linux

package view

import "net"

// own cannot be told here: token and cookie alone decide.
func own(net.Conn) bool { return true }
