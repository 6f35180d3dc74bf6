import re

from httpx2 import AsyncClient


async def test_the_documentation_loads_nothing_from_elsewhere(client: AsyncClient) -> None:
    page = (await client.get("/docs")).text
    addresses = re.findall(r"""(?:src|href)="([^"]+)"|url: '([^']+)'""", page)
    assert len(addresses) == 4
    for first, second in addresses:
        address = first or second
        assert address.startswith("./"), address
        answer = await client.get(address.removeprefix("."))
        assert answer.status_code == 200, address


async def test_the_root_leads_to_the_documentation(client: AsyncClient) -> None:
    answer = await client.get("/", follow_redirects=True)
    assert answer.status_code == 200
    assert "swagger-ui" in answer.text
