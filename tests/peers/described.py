"""An MCP server over stdio whose tool says in its output schema what its fields are, in descriptions alone. Run with the Python SDK."""
from mcp.server.fastmcp import FastMCP
from pydantic import BaseModel, Field

server = FastMCP("described")


class Card(BaseModel):
    x1: str = Field(description="The customer's full name")
    x2: str = Field(description="Passport number of the customer")
    x3: str = Field(description="Date of birth")
    x4: str = Field(description="Colour of the cover")


@server.tool()
def card() -> Card:
    """One card."""
    return Card(x1="Zyx Qorr", x2="C01X00T47", x3="14 03 1980", x4="Deep Blue")


server.run()
