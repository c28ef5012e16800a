package cli

import (
	"context"
	"maps"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/adminclient"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/server"
)

const completedNames = 50

// completionTime is for how long a shell waits for names.
func completionTime() time.Duration {
	if stated, err := time.ParseDuration(os.Getenv("SIGNET_COMPLETION_TIMEOUT")); err == nil && stated > 0 {
		return stated
	}
	return time.Second
}

// nameKinds are the kinds of names by the placeholder that stands for one in the usage of a command or flag. NAME is of the kind that
// the flag or the command's noun is called.
var nameKinds = map[string]string{
	"USER": "user", "GROUP": "group", "ROLE": "role", "CLIENT_ID": "client", "AUDIENCE": "api", "KID": "key",
	"AUDIENCE#permission": "reference", "NAME=VALUE": "attribute=", "CASES": "file",
}

// closedLists are the values that flags take.
func closedLists() map[string][]string {
	algorithms := []string{domain.ES256, domain.RS256, domain.EdDSA}
	return map[string][]string{
		"output": texts(formats), "alg": algorithms, "signing-alg": algorithms, "id-token-alg": algorithms, "userinfo-alg": algorithms,
		"state": texts(domain.TokenStates), "origin": texts(domain.ClientOrigins), "event": domain.SecurityEvents, "remove-event": domain.SecurityEvents,
	}
}

func texts[T ~string](list []T) (texts []string) {
	for _, t := range list {
		if t != "" {
			texts = append(texts, string(t))
		}
	}
	return texts
}

// completeNames lets shells complete what the arguments and flags of a command and of those below it name.
func (a *app) completeNames(cmd *cobra.Command) {
	closed := closedLists()
	complete := func(flag *pflag.Flag) {
		if _, ok := cmd.GetFlagCompletionFunc(flag.Name); ok {
			return
		}
		find := a.names(flagKind(flag))
		if values, ok := closed[flag.Name]; ok {
			find = cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)
		}
		if find == nil {
			return
		}
		if err := cmd.RegisterFlagCompletionFunc(flag.Name, find); err != nil {
			panic(err) // it is a flag of the command, and has none
		}
	}
	cmd.PersistentFlags().VisitAll(complete)
	cmd.LocalNonPersistentFlags().VisitAll(complete)
	if kinds, repeated := argumentKinds(cmd); cmd.RunE != nil && !cmd.HasSubCommands() {
		cmd.ValidArgsFunction = func(cmd *cobra.Command, args []string, text string) ([]string, cobra.ShellCompDirective) {
			at := len(args)
			if repeated {
				at = min(at, len(kinds)-1)
			}
			switch {
			case at < len(kinds) && kinds[at] == "file":
				return nil, cobra.ShellCompDirectiveDefault
			case at < len(kinds) && kinds[at] != "":
				return a.names(kinds[at])(cmd, args, text)
			}
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
	}
	for _, sub := range cmd.Commands() {
		a.completeNames(sub)
	}
}

// flagKind is the kind of name that a flag takes, empty if it takes none.
func flagKind(flag *pflag.Flag) string {
	placeholder, _ := pflag.UnquoteUsage(flag)
	if placeholder == "NAME" {
		return nounKind(strings.TrimPrefix(flag.Name, "remove-"))
	}
	if placeholder == "AUDIENCE" && strings.Contains(flag.Usage, "AUDIENCE#permission") {
		return "reference"
	}
	return nameKinds[placeholder]
}

// argumentKinds are the kinds of names that a command's arguments are, empty for what has none; repeated: the last goes on.
func argumentKinds(cmd *cobra.Command) (kinds []string, repeated bool) {
	noun := ""
	if cmd.HasParent() {
		noun = cmd.Parent().Name()
	}
	for _, argument := range strings.Fields(cmd.Use)[1:] {
		argument = strings.Trim(argument, "[]")
		argument, repeated = strings.CutSuffix(argument, "...")
		if strings.IndexFunc(argument, unicode.IsUpper) != 0 {
			break // flags
		}
		kind := nameKinds[argument]
		switch {
		case argument == "NAME" && (noun == "consent" || noun == "grant" || noun == "credential"):
			kind = "user"
		case argument == "NAME":
			kind = nounKind(noun)
		case noun == "receiver" && cmd.Name() != "create":
			kind = "receiver"
		}
		if cmd.Name() == "create" && kind == noun {
			kind = "" // a new name
		}
		kinds = append(kinds, kind)
	}
	return kinds, repeated
}

// nounKind is a kind by its name, empty if there is none.
func nounKind(noun string) string {
	if _, ok := nameLists[noun]; ok || noun == "context" || noun == "permission" {
		return noun
	}
	return ""
}

// nameLists are the lists that have the names of a kind.
var nameLists = map[string]struct {
	operation string
	searched  bool // by the beginning of names
}{
	"user": {"user.list", true}, "group": {"group.list", true}, "role": {"role.list", true}, "client": {"client.list", true},
	"api": {"api.list", true}, "receiver": {"receiver.list", true}, "attribute": {"attribute.list", true}, "key": {"key.list", false},
}

// names completes a name of a kind; nil if there is no such kind. It says nothing where it fails.
func (a *app) names(kind string) cobra.CompletionFunc {
	if kind == "" {
		return nil
	}
	return func(cmd *cobra.Command, args []string, text string) ([]string, cobra.ShellCompDirective) {
		directive := cobra.ShellCompDirectiveNoFileComp
		if kind == "attribute=" || kind == "reference" && !strings.Contains(text, "#") {
			directive |= cobra.ShellCompDirectiveNoSpace // more may follow
		}
		ctx, cancel := context.WithTimeout(cmd.Context(), completionTime())
		defer cancel()
		found := make(chan []string, 1)
		go func() {
			names, err := a.findNames(ctx, cmd, kind, args, text)
			if err != nil {
				names = nil
			}
			found <- names
		}()
		select {
		case names := <-found:
			names = slices.DeleteFunc(names, func(name string) bool { return !strings.HasPrefix(name, text) || !typable(name) })
			return names[:min(len(names), completedNames)], directive
		case <-ctx.Done():
			return nil, directive
		}
	}
}

// typable reports whether a shell takes a name for what it is. Another one is not offered: shells put the beginning that several names
// share on the command line without quotes, and run what is in $() and backquotes there.
func typable(name string) bool {
	return name != "" && name[0] != '-' && name[0] != '=' && !strings.ContainsFunc(name, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("-._:/@#+=%,", r)
	})
}

// findNames finds names of a kind that begin with a text.
func (a *app) findNames(ctx context.Context, cmd *cobra.Command, kind string, args []string, text string) ([]string, error) {
	if kind == "context" {
		contexts, err := adminclient.OpenContexts()
		if err != nil {
			return nil, err
		}
		stored, err := contexts.Load()
		return append(slices.Sorted(maps.Keys(stored.Named)), onDatabase), err
	}
	return a.reading(ctx, func(c *adminclient.Client) ([]string, error) {
		switch kind {
		case "permission":
			api := cmd.Flag("api")
			switch {
			case cmd.Parent().Name() == "api" && len(args) > 0:
				return permissionsOf(ctx, c, args[0])
			case api != nil && api.Value.String() != "":
				return permissionsOf(ctx, c, api.Value.String())
			}
			return nil, nil
		case "reference":
			return findReferences(ctx, c, text)
		case "attribute=":
			names, err := listNames(ctx, c, "attribute", text)
			for i := range names {
				names[i] += "="
			}
			return names, err
		}
		return listNames(ctx, c, kind, text)
	})
}

// reading calls operations where the command would, but changes nothing for it: no database is made or migrated, no token refreshed.
func (a *app) reading(ctx context.Context, do func(c *adminclient.Client) ([]string, error)) ([]string, error) {
	contexts, _ := adminclient.OpenContexts() // nil: no context is kept
	t, err := a.target(contexts)
	if err != nil {
		return nil, err
	}
	if t.server == "" {
		return onDatabaseIn(ctx, a, server.ModeRead, func(s *server.Services) ([]string, error) {
			c, err := inProcess(s)
			if err != nil {
				return nil, err
			}
			return do(c)
		})
	}
	token, ok := adminclient.StaticToken(t.token), true
	if t.token == "" {
		token, ok = adminclient.StoredTokens{ContextStore: contexts, Context: t.context}.Stored()
	}
	if !ok {
		return nil, nil
	}
	c, err := adminclient.Remote(t.server, token)
	if err != nil {
		return nil, err
	}
	return do(c)
}

// listNames are the first names of a kind that begin with a text.
func listNames(ctx context.Context, c *adminclient.Client, kind, text string) (names []string, err error) {
	list, query := nameLists[kind], url.Values{}
	if list.searched {
		query = url.Values{"search": {text}, "limit": {number(completedNames)}}
	}
	var page admin.Page[any]
	_, err = c.Call(ctx, adminclient.Request{Operation: list.operation, Query: query}, &page)
	for _, object := range page.Items {
		if name, ok := nameOf(object); ok {
			if name, ok := name.(string); ok {
				names = append(names, name)
			}
		}
	}
	return names, err
}

// findReferences are APIs while none is named whole, then its permissions.
func findReferences(ctx context.Context, c *adminclient.Client, text string) ([]string, error) {
	audience, _, divided := strings.Cut(text, "#")
	if !divided {
		return listNames(ctx, c, "api", text)
	}
	permissions, err := permissionsOf(ctx, c, audience)
	for i := range permissions {
		permissions[i] = reference{audience, permissions[i]}.String()
	}
	return permissions, err
}

func permissionsOf(ctx context.Context, c *adminclient.Client, audience string) ([]string, error) {
	api, err := call[admin.API](ctx, c, "api.find", nil, audience)
	return apiPermissions(api), err
}
