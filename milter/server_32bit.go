//go:build 386 || arm || mips || mipsle

package milter

import (
	"context"
	"errors"
	"net"
)

// errNo32Bit is the error of New on 32-bit systems.
var errNo32Bit = errors.New("milter: this build has no milter, because its library does not support 32-bit systems; use the relay, or a 64-bit build")

// Server is not available on 32-bit systems.
type Server struct{}

// New returns an error on 32-bit systems.
func New(Options) (*Server, error) { return nil, errNo32Bit }

// Serve returns an error on 32-bit systems.
func (*Server) Serve(net.Listener) error { return errNo32Bit }

// Shutdown does nothing on 32-bit systems.
func (*Server) Shutdown(context.Context) error { return nil }
