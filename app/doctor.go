package app

import (
	"context"
	"fmt"
	"net"
	"strings"
	"time"
)

// Doctor looks why this desk cannot reach that one.
func (of *Office) Doctor(_ context.Context, req DoctorRequest) (DoctorReply, error) {
	s, err := of.space(req.In)
	if err != nil {
		return DoctorReply{}, err
	}
	out := DoctorReply{At: of.o.Clock().UTC()}
	for _, check := range []func(*space) Check{checkInterfaces, checkMulticast, checkPort, checkClock, checkPeers, checkKeys, checkDisk} {
		out.Checks = append(out.Checks, check(s))
	}
	return out, nil
}

// physical are interfaces that are up and may have other desks behind them.
func physical() (up []net.Interface, virtual []string) {
	all, err := net.Interfaces()
	if err != nil {
		return nil, nil
	}
	for _, i := range all {
		if i.Flags&net.FlagUp == 0 || i.Flags&net.FlagLoopback != 0 {
			continue
		}
		if addrs, err := i.Addrs(); err != nil || len(addrs) == 0 {
			continue
		}
		if i.Flags&net.FlagPointToPoint != 0 || isVirtual(i.Name) {
			virtual = append(virtual, i.Name)
			continue
		}
		up = append(up, i)
	}
	return up, virtual
}

func isVirtual(name string) bool {
	for _, prefix := range []string{"docker", "br-", "veth", "tun", "tap", "wg", "vEthernet", "virbr", "vmnet", "zt", "tailscale"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

func checkInterfaces(*space) Check {
	up, virtual := physical()
	c := Check{Check: "interfaces", OK: len(up) > 0}
	var names []string
	for _, i := range up {
		names = append(names, i.Name)
	}
	switch {
	case c.OK:
		c.Says = "This computer is on a network by " + strings.Join(names, ", ") + "."
	case len(virtual) > 0:
		c.Says, c.Fix = "Only virtual networks are up ("+strings.Join(virtual, ", ")+").", "Plug in the cable or join the office Wi-Fi."
	default:
		c.Says, c.Fix = "This computer is on no network.", "Plug in the cable or join the office Wi-Fi."
	}
	return c
}

func checkMulticast(*space) Check {
	up, _ := physical()
	c := Check{Check: "multicast"}
	for _, i := range up {
		if i.Flags&net.FlagMulticast != 0 {
			c.OK = true
		}
	}
	if c.OK {
		c.Says = "Other desks can be found by multicast, unless the access point keeps its clients apart."
		return c
	}
	c.Says, c.Fix = "No network here carries multicast, by which desks find each other.", "Name another desk's address with --peer; it is on that desk's network page."
	return c
}

func checkPort(s *space) Check {
	c := Check{Check: "port"}
	node := s.net.running()
	if node == nil {
		c.Says, c.Fix = "Hallway is not online on this computer.", "Start it: hallway run."
		return c
	}
	addrs := node.Addrs()
	if c.OK = len(addrs) > 0; c.OK {
		c.Says = fmt.Sprintf("This desk listens at %s; a firewall must let that in.", addrs[0])
		return c
	}
	c.Says, c.Fix = "This desk listens nowhere.", "Name an address with --listen, such as /ip4/0.0.0.0/tcp/4021."
	return c
}

func checkClock(s *space) Check {
	c := Check{Check: "clock", OK: true, Says: "This computer's clock agrees with the others'."}
	if len(s.net.connected()) == 0 {
		c.Says = "Nobody is connected to compare the clock with."
		return c
	}
	if off := s.net.clockOff(); off > 2*time.Minute || off < -2*time.Minute {
		c.OK = false
		c.Says = fmt.Sprintf("This computer's clock is off by %s from the others'.", off.Abs().Round(time.Second))
		c.Fix = "Set the clock by the network's time; until then times are shown as about."
	}
	return c
}

func checkPeers(s *space) Check {
	n := len(s.net.connected())
	c := Check{Check: "peers", OK: n > 0, Says: fmt.Sprintf("%d devices are connected.", n)}
	if n == 1 {
		c.Says = "One device is connected."
	}
	if n == 0 {
		c.Says, c.Fix = "No other desk is connected.", "See that another one is running on this network; a guest network or client isolation on the access point keeps desks apart."
	}
	return c
}

func checkKeys(s *space) Check {
	missing := s.seal.Missing()
	c := Check{Check: "keys", OK: len(missing) == 0, Says: "Every key that this desk should have is here."}
	if !c.OK {
		c.Says = fmt.Sprintf("Keys that are missing and are being asked for: %d.", len(missing))
		c.Fix = "They come when somebody who has them is reachable."
	}
	return c
}

func checkDisk(s *space) Check {
	c := Check{Check: "disk", OK: true, Says: "There is room on the disk."}
	if err := s.db.Room(); err != nil {
		c.OK, c.Says, c.Fix = false, "The disk is nearly full, so nothing new is kept.", "Free some space; what was saved is safe."
	}
	if s.db.Failed() != nil {
		c.OK, c.Says, c.Fix = false, "The store could not write to the disk.", "Look at the disk's health and start Hallway again."
	}
	return c
}
