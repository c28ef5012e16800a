package cli

import (
	"context"
	"encoding/json"
	"io"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/adminclient"
)

var resources = layout[admin.Resource]{
	[]string{"TYPE", "ID", "PROPERTIES", "UPDATED"},
	func(r admin.Resource) []any { return []any{r.Type, r.ID, jsonText(r.Properties), r.UpdatedAt} },
}

func jsonText(value any) string {
	text, _ := json.Marshal(value) // it was JSON
	return string(text)
}

func showResource(r admin.Resource) view {
	return view{r, func(w io.Writer) {
		details(w, "type", r.Type, "id", r.ID, "properties", jsonText(r.Properties), "created_at", r.CreatedAt, "updated_at", r.UpdatedAt)
	}}
}

func (a *app) resourceCommand() *cobra.Command {
	return noun("resource", "Manage the resources of APIs that are registered for searches and conditions", a.resourceSet(), a.resourceList(), a.resourceShow(), a.resourceDelete())
}

// resourcePath is the path of AUDIENCE TYPE:ID.
func resourcePath(args []string) ([]string, error) {
	kind, id, ok := strings.Cut(args[1], ":")
	if !ok || kind == "" || id == "" {
		return nil, usagef("%q is no resource: write TYPE:ID", args[1])
	}
	return []string{args[0], kind, id}, nil
}

func (a *app) resourceSet() *cobra.Command {
	var properties string
	var texts map[string]string
	cmd := &cobra.Command{
		Use:   "set AUDIENCE TYPE:ID",
		Short: admin.OperationOf("resource.set").Summary,
		Long: `Registers a resource of an API, with the properties that the flags give and no others. Searches under /access/v1/search find registered
resources, and conditions of the policy read their properties in a request that gives none. An API has at most 10,000.`,
		Example: `  signet resource set https://orders.example order:42 --property owner=usr_7f3a
  signet resource set https://orders.example order:42 --properties '{"owner":"usr_7f3a","amount":10}'`,
		Args: cobra.ExactArgs(2),
	}
	cmd.Flags().StringVar(&properties, "properties", "", "the properties, as a `JSON` object")
	pairsFlag(cmd.Flags(), &texts, "property", "a property that is a text, as `KEY=VALUE`; may be repeated")
	cmd.MarkFlagsMutuallyExclusive("properties", "property")
	cmd.RunE = a.call(func(ctx context.Context, c *adminclient.Client, args []string) (view, error) {
		path, err := resourcePath(args)
		if err != nil {
			return view{}, err
		}
		given := admin.Properties{}
		for key, value := range texts {
			given[key] = value
		}
		if properties != "" {
			if err := json.Unmarshal([]byte(properties), &given); err != nil || given == nil {
				return view{}, usagef("--properties is no JSON object")
			}
		}
		var set admin.Resource
		_, err = c.Call(ctx, adminclient.Request{Operation: "resource.set", Path: path, IfMatch: "*", Body: members{"properties": given}}, &set)
		return showResource(set), err
	})
	return cmd
}

func (a *app) resourceList() *cobra.Command {
	var kind, search string
	var limit int
	cmd := &cobra.Command{
		Use:     "list AUDIENCE",
		Short:   admin.OperationOf("resource.list").Summary,
		Example: "  signet resource list https://orders.example --type order",
		Args:    cobra.ExactArgs(1),
	}
	cmd.Flags().StringVar(&kind, "type", "", "only those of the type `TYPE`")
	searchFlag(cmd, &search, "ID, or TYPE:ID,")
	cmd.Flags().IntVar(&limit, "limit", 0, "at most `N` (default all)")
	cmd.RunE = a.call(func(ctx context.Context, c *adminclient.Client, args []string) (view, error) {
		found, err := all[admin.Resource](ctx, c, "resource.list", limit, url.Values{"type": {kind}, "search": {search}}, args[0])
		return resources.table(found), err
	})
	return cmd
}

func (a *app) resourceShow() *cobra.Command {
	return &cobra.Command{
		Use:     "show AUDIENCE TYPE:ID",
		Short:   admin.OperationOf("resource.find").Summary,
		Example: "  signet resource show https://orders.example order:42",
		Args:    cobra.ExactArgs(2),
		RunE: a.call(func(ctx context.Context, c *adminclient.Client, args []string) (view, error) {
			path, err := resourcePath(args)
			if err != nil {
				return view{}, err
			}
			found, err := call[admin.Resource](ctx, c, "resource.find", nil, path...)
			return showResource(found), err
		}),
	}
}

func (a *app) resourceDelete() *cobra.Command {
	return &cobra.Command{
		Use:     "delete AUDIENCE TYPE:ID",
		Short:   admin.OperationOf("resource.delete").Summary,
		Example: "  signet resource delete https://orders.example order:42",
		Args:    cobra.ExactArgs(2),
		RunE: a.call(func(ctx context.Context, c *adminclient.Client, args []string) (view, error) {
			path, err := resourcePath(args)
			if err != nil {
				return view{}, err
			}
			return answer(done{"deleted", "resource", args[1]}), act(ctx, c, "resource.delete", path...)
		}),
	}
}
