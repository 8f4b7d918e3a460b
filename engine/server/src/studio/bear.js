// Requests of a page to its own server bear the token of its tab; where one is missing, the page asks for it.
{
  const TOKEN = "casebook-token";
  const plain = window.fetch.bind(window);
  window.fetch = async (wanted, options) => {
    const request = new Request(wanted, options);
    if (new URL(request.url).origin !== location.origin) return plain(request);
    const token = sessionStorage.getItem(TOKEN);
    if (token) request.headers.set("authorization", `Bearer ${token}`);
    const response = await plain(request);
    if (response.status === 401 && request.url.endsWith("/openapi.json")) {
      const given = prompt("This server asks for a token. It is kept in this tab until the tab is closed.");
      if (given) {
        sessionStorage.setItem(TOKEN, given.trim());
        location.reload();
      }
    }
    return response;
  };
}
