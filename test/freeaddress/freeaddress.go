// Package freeaddress finds addresses for servers of tests.
package freeaddress

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
)

var given sync.Map // so far

// Next is a free address of the loopback interface that this process was not given before. Its port is below those that outgoing
// connections get: one of theirs would often be taken again before a server listens there.
func Next() (string, error) {
	for range 1000 {
		address := fmt.Sprintf("127.0.0.1:%d", 15000+rand.IntN(15000))
		if _, again := given.LoadOrStore(address, true); again {
			continue
		}
		if listener, err := net.Listen("tcp", address); err == nil {
			return address, listener.Close()
		}
	}
	return "", errors.New("no port is free")
}
