package event

import "context"

// Actor is who acts: "user:alice", "client:reporting", "os:root" for the operating system's user at the CLI, "system" for the
// server's own jobs.
type Actor string

// System acts where the server does something on its own.
const System Actor = "system"

// User is the actor for the user of a name.
func User(username string) Actor { return Actor("user:" + username) }

// Client is the actor for a client acting for itself.
func Client(clientID string) Actor { return Actor("client:" + clientID) }

// OperatingSystemUser is the actor for who works at the CLI.
func OperatingSystemUser(name string) Actor { return Actor("os:" + name) }

type actorKey struct{}

// WithActor names who acts, for every event that is recorded under the ctx.
func WithActor(ctx context.Context, actor Actor) context.Context {
	return context.WithValue(ctx, actorKey{}, actor)
}

// ActorOf is the actor of ctx; empty if it names none.
func ActorOf(ctx context.Context) Actor {
	actor, _ := ctx.Value(actorKey{}).(Actor)
	return actor
}
